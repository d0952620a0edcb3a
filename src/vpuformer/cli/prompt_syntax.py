"""Syntax of prompts on the command line: pixels of the image, x before y."""

CLICK_FORM = "X,Y"
BOX_FORM = "X0,Y0,X1,Y1"
SCRIBBLE_FORM = "X,Y X,Y ..."
