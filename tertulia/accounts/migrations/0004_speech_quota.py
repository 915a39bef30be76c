from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_passkeys_and_break_glass"),
    ]

    operations = [
        migrations.AddField(
            model_name="allowance",
            name="speech_used",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[("chat", "answer"), ("speech", "speech")], default="chat", max_length=8
            ),
        ),
    ]
