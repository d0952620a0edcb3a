"""Uploads of models to the Hugging Face Hub, with their cards.

`vpuformer.model.repository` downloads models.
"""
