"""What a row means: fields, checks, ids and metadata of every table; opens no file."""
