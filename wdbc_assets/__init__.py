"""From fine-needle-aspirate measurements of breast tumours to a judged diagnosis model, as Dagster assets."""
