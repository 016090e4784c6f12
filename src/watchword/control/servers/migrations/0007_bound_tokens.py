"""Registrations say whether they accept tokens that are bound to a key or certificate.

Those made before keep accepting them, so that the upgrade locks no client out; the page warns of it.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("servers", "0006_forgotten_etags"),
    ]

    operations = [
        migrations.AddField(
            model_name="authorizationserver",
            name="accepts_bound_tokens",
            field=models.BooleanField(default=True),
            preserve_default=False,
        ),
    ]
