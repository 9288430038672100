"""The pipeline, one verb a file: teacher, pseudo_label, student, evaluate."""
