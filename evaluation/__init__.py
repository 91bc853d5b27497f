"""How good labels are: the field's metrics, loaders of public ground truths, reports."""
