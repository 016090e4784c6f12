"""The next fetch of every key set brings the whole document.

Admission reads keys that it ignored before, and what a key is bound to. A server that answers "not modified" would keep
all that from the verifiers until its keys change.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("servers", "0005_rotation_watch"),
    ]

    operations = [
        migrations.RunSQL("UPDATE servers_keysetstate SET etag = NULL", migrations.RunSQL.noop),
    ]
