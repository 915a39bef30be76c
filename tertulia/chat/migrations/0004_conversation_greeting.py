from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0003_memory")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="greeting",
            field=models.TextField(blank=True, default=""),
        ),
    ]
