from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0004_conversation_greeting"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="external_id",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="conversation",
            name="source",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="message",
            name="external_id",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AlterField(
            model_name="conversation",
            name="origin",
            field=models.CharField(
                choices=[
                    ("page", "chat page"),
                    ("api", "native API"),
                    ("chat", "/chat"),
                    ("messages", "/api/messages"),
                    ("openai", "OpenAI-compatible API"),
                    ("script", "script"),
                    ("import", "import"),
                ],
                default="page",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="conversation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("user", "source", "external_id"),
                name="conversation_imported_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("conversation", "external_id"),
                name="message_imported_once",
            ),
        ),
    ]
