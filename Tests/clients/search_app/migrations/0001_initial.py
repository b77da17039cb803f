"""The extension, the table, and the index, which Django knows nothing of."""

from django.contrib.postgres.operations import CreateExtension
from django.db import migrations, models

import search_app.models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        CreateExtension("pase"),
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("embedding", search_app.models.VectorField()),
            ],
        ),
        migrations.RunSQL(
            sql="CREATE INDEX item_embedding ON search_app_item USING pase_hnsw (embedding) WITH (base_nb_num = 16)",
            reverse_sql="DROP INDEX item_embedding",
        ),
    ]
