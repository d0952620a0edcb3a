"""Masks for prompted objects of many images.

* `predict`: prompted images to annotated images, as an iterator;
* `run`: a folder of images and a file of prompts to an export, which resumes after an interruption;
* `job`: the database of a run;
* `listing`: what the run asks, as rows of its database;
* `ray_stage`: the same as a stage of Ray Data.
"""
