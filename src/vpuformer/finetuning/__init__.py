"""Fine-tuning on a person's own images, in one call.

In reading order: `layouts` (how annotations lie in a folder) and `annotated_folder` (those of the app), `checking`
(what can be trained on), `prepare` (the split, and the data as a COCO folder), `photographs` (what keeps the weights
from forgetting), `plan` (the recipe for the time there is), `measure` (scores on the held-out images), `watch`
(validation during training), `mixing` (between the first and the best weights), `report` and `panel` (what the result
is), `run` (all of it).
"""
