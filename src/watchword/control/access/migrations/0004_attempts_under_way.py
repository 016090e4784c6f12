from __future__ import annotations

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0003_sessions")]

    operations = [
        migrations.AddField(
            model_name="signinthrottle",
            name="under_way",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="signinthrottle",
            name="reserved_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
    ]
