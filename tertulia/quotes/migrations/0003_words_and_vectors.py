"""Words that proposals may not hold, and the vectors of the search by meaning."""

import django.db.models.deletion
from django.db import migrations, models

import tertulia.core.clock
import tertulia.quotes.fields


class Migration(migrations.Migration):
    dependencies = [
        ("quotes", "0002_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="WordRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        help_text="Capitals and width do not matter. A * at the end stands for any ending.",
                        max_length=100,
                        unique=True,
                        verbose_name="word or phrase",
                    ),
                ),
                ("created_at", models.DateTimeField(default=tertulia.core.clock.now, editable=False)),
            ],
            options={
                "verbose_name": "refused word",
                "verbose_name_plural": "refused words",
            },
        ),
        migrations.CreateModel(
            name="QuoteVector",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("model", models.CharField(max_length=200)),
                ("embedding", tertulia.quotes.fields.FloatsField()),
                ("signs", models.BinaryField()),
                (
                    "quote",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="quotes.quote",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("quote", "model"), name="vector_once")],
            },
        ),
    ]
