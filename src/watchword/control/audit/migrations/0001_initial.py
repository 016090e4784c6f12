from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import migrations, models

from watchword.control.audit import triggers

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def install(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    triggers.install(schema_editor.connection)


def remove(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    triggers.remove(schema_editor.connection)


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditAnchor",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("sequence", models.PositiveBigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("purged_at", models.DateTimeField()),
                ("recorded_by", models.PositiveBigIntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="audit_anchor_is_single"),
                    models.CheckConstraint(
                        condition=models.Q(("recorded_by__gt", models.F("sequence"))), name="audit_anchor_is_recorded"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("sequence", models.PositiveBigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("verified_at", models.DateTimeField()),
                ("walked_sequence", models.PositiveBigIntegerField()),
                ("walked_hash", models.CharField(max_length=64)),
                ("whole_at", models.DateTimeField(null=True)),
                ("fault", models.CharField(max_length=254, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="audit_checkpoint_is_single")
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("sequence", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_index=True)),
                ("organization", models.CharField(max_length=32, null=True)),
                ("actor", models.CharField(max_length=254)),
                ("interface", models.CharField(max_length=16)),
                ("address", models.CharField(max_length=45, null=True)),
                ("action", models.CharField(max_length=64)),
                ("target", models.CharField(max_length=254)),
                ("result", models.CharField(max_length=16)),
                ("changes", models.JSONField(default=dict)),
                ("previous_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "-sequence"], name="audit_by_organization"),
                    models.Index(fields=["organization", "at"], name="audit_by_organization_and_time"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("sequence__gte", 1)), name="audit_sequence_from_1"),
                    models.CheckConstraint(
                        condition=models.Q(("result__in", ["success", "refused"])), name="audit_result"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("sequence", models.PositiveBigIntegerField(default=0)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="audit_head_is_single")],
            },
        ),
        migrations.RunPython(install, remove),
    ]
