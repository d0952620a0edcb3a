"""Routes of fine-tuning: data, progress and result, and the model in use.

A page sends no paths: the server chooses the folders.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from vpuformer.app.annotation.finetuning import Finetuning
from vpuformer.app.finetuning_schemas import FinetuningState, ModelChoice, NewFinetuning
from vpuformer.errors import NotFoundError


async def _finetuning(request: Request) -> Finetuning:  # async: it needs no thread
    offered = request.app.state.finetuning
    if offered is None:
        raise NotFoundError(
            "this server fine-tunes no model: it is read-only, or has a method of its own; start vpuformer annotate"
        )
    return offered


Offered = Annotated[Finetuning, Depends(_finetuning)]


def router() -> APIRouter:
    """Return the routes of fine-tuning. Each returns the state after it."""
    routes = APIRouter(tags=["fine-tuning"], prefix="/finetuning")

    @routes.get("", summary="Read the state of the fine-tuning, its result, and the model in use")
    def state(finetuning: Offered) -> FinetuningState:
        return finetuning.state

    @routes.post("/check", summary="Look at what can be trained on")
    def check(finetuning: Offered) -> FinetuningState:
        finetuning.check()
        return finetuning.state

    @routes.post("", summary="Fine-tune the model in use on the accepted objects")
    def start(body: NewFinetuning, finetuning: Offered) -> FinetuningState:
        finetuning.start(body.minutes)
        return finetuning.state

    @routes.post("/resume", summary="Continue a fine-tuning that was interrupted")
    def resume(finetuning: Offered) -> FinetuningState:
        finetuning.resume()
        return finetuning.state

    @routes.post("/stop", summary="End the fine-tuning early, and keep the best weights")
    def stop(finetuning: Offered) -> FinetuningState:
        finetuning.stop()
        return finetuning.state

    @routes.put("/model", summary="Answer prompts with the result, or with the first model")
    def use(body: ModelChoice, finetuning: Offered) -> FinetuningState:
        finetuning.use(body)
        return finetuning.state

    return routes
