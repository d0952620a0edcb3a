/**
 * Types of the server's messages; the Python modules `vpuformer.app.schemas` and `step_schemas` are the originals.
 *
 * @typedef {[number, number]} Point in image pixels, with the centre of the top left pixel at (0, 0)
 * @typedef {[number, number, number, number]} Edges left, top, right, bottom
 * @typedef {{width: number, height: number, runs: string}} RleMask
 *
 * @typedef {{type: "click", point: Point, positive: boolean, only_here?: boolean}} ClickStep
 * @typedef {{type: "box", box: Edges, positive: boolean, only_here?: boolean}} BoxStep
 * @typedef {{type: "scribble", path: Point[], positive: boolean, only_here?: boolean}} ScribbleStep
 * @typedef {{type: "brush", path: Point[], radius: number, positive: boolean}} BrushStep
 * @typedef {{type: "lasso", path: Point[]}} LassoStep
 * @typedef {{type: "polygon", outlines: Point[][]}} PolygonStep
 * @typedef {{type: "clear"}} ClearStep
 * @typedef {{type: "remove", step: number}} RemoveStep
 * @typedef {{type: "move", step: number, point?: Point | null, box?: Edges | null, path?: Point[] | null}} MoveStep
 * @typedef {{type: "choose", index: number}} ChooseStep
 * @typedef {{type: "tidy", threshold: number, holes: number, specks: number, smooth: number}} TidyStep
 * @typedef {{type: "merge", objects: number[]}} MergeStep
 * @typedef {{type: "subtract", objects: number[]}} SubtractStep
 * @typedef {{type: "split", path?: Point[] | null}} SplitStep
 * @typedef {{type: "arrange", above: number | null}} ArrangeStep
 * @typedef {ClickStep | BoxStep | ScribbleStep | BrushStep | LassoStep | PolygonStep | ClearStep | RemoveStep | MoveStep | ChooseStep | TidyStep | MergeStep | SubtractStep | SplitStep | ArrangeStep} Step
 *
 * @typedef {object} StoredStep
 * @property {"click" | "box" | "scribble" | "brush" | "lasso" | "mask" | "polygon" | "clear" | "remove" | "move" | "choose" | "tidy" | "merge" | "subtract" | "split" | "arrange"} type
 * @property {boolean} positive
 * @property {boolean} only_here
 * @property {Point | null} point
 * @property {Edges | null} box
 * @property {Point[] | null} path
 * @property {number | null} radius
 * @property {number | null} step
 * @property {number | null} index
 * @property {number | null} threshold
 * @property {number | null} holes
 * @property {number | null} specks
 * @property {number | null} smooth
 * @property {number[] | null} objects
 * @property {boolean} live
 * @property {string | null} person
 *
 * @typedef {{index: number, scores: number[]}} Choice
 *
 * @typedef {{name: string, kind: "choice" | "number" | "text", choices: string[]}} Attribute
 * @typedef {{id: number, name: string, colour: string, group: string, attributes: Attribute[]}} Label
 * @typedef {{name?: string | null, colour?: string | null, group?: string | null, attributes?: Attribute[] | null}} LabelChange
 * @typedef {{attributes: Attribute[], tags: string[], label_required: boolean}} LabelSettings
 *
 * @typedef {object} ObjectState
 * @property {number} id
 * @property {number} image
 * @property {number | null} label
 * @property {boolean} accepted
 * @property {boolean} deleted
 * @property {Record<string, number | string>} attributes
 * @property {number} revision
 * @property {number} at
 * @property {number} answered
 * @property {number} since
 * @property {number[]} live
 * @property {StoredStep[]} steps
 * @property {boolean} mask_known
 * @property {RleMask | null} mask
 * @property {number} area
 * @property {number | null} seconds
 * @property {Choice | null} choice
 * @property {ObjectState[]} others
 * @property {number[] | null} order
 * @property {ImageReview | null} review
 *
 * @typedef {{revision: number, answered: number}} ClientState
 * @typedef {{label?: number | null, accepted?: boolean | null, deleted?: boolean | null, attributes?: Record<string, number | string> | null, known?: ClientState | null}} ObjectChange
 *
 * @typedef {"accepted" | "rejected" | null} Verdict
 * @typedef {{verdict: "accepted" | "rejected" | null, comment?: string, person?: string | null, outdated?: boolean}} ImageReview
 * @typedef {{done?: boolean | null, review?: ImageReview | null, tags?: string[] | null}} ImageChange
 *
 * @typedef {object} ImageListed
 * @property {number} id
 * @property {string} name
 * @property {boolean} done
 * @property {number} objects
 * @property {number} unaccepted
 * @property {(null | number)[]} labels
 * @property {number | null} changed
 * @property {"accepted" | "rejected" | null} review
 * @property {string[]} tags
 *
 * @typedef {object} ImageOpened
 * @property {number} id
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {number} tile
 * @property {number} levels
 * @property {string} version
 * @property {[number, number] | null} range
 * @property {string[]} notes
 * @property {boolean} done
 * @property {ImageReview} review
 * @property {ObjectState[]} objects
 *
 * @typedef {{name: string, title: string, summary: string}} ExportFormat
 *
 * @typedef {{state: "loading" | "ready" | "failed", progress: number, message: string | null}} NetworkState
 *
 * @typedef {object} Project
 * @property {string | null} id
 * @property {string} folder
 * @property {string} model
 * @property {string} model_sha256
 * @property {string} version
 * @property {Label[]} labels
 * @property {LabelSettings} label_settings
 * @property {ImageListed[]} images
 * @property {number} number
 * @property {number} time
 * @property {ExportFormat[]} formats
 * @property {number | null} place
 * @property {number} news
 * @property {boolean} shared
 * @property {boolean} read_only
 * @property {boolean} hints
 * @property {boolean} finetuning
 *
 * @typedef {{minutes?: number}} NewFinetuning
 * @typedef {{use: "result" | "first"}} ModelChoice
 * @typedef {{ready: boolean, done: number, total: number, images: number, objects: number, prompts: number, notes: string[], left_out: string[], problem: string | null}} FinetuningData
 * @typedef {{name: string, before: number, after: number, change: [number, number] | null}} FinetuningRow
 *
 * @typedef {object} FinetuningRun
 * @property {"running" | "stopping" | "stopped" | "failed" | "interrupted"} state
 * @property {string} stage
 * @property {number} done
 * @property {number | null} seconds_left
 * @property {number} minutes
 * @property {string | null} person
 * @property {string | null} problem
 * @property {boolean} resumable
 *
 * @typedef {object} FinetuningResult
 * @property {string} model
 * @property {string} start
 * @property {FinetuningRow[]} rows
 * @property {number} images
 * @property {number} objects
 * @property {number} steps
 * @property {number} minutes
 * @property {number} share
 * @property {boolean} in_use
 * @property {string} command
 *
 * @typedef {object} FinetuningState
 * @property {string} model
 * @property {string} model_sha256
 * @property {string} first
 * @property {string | null} missing
 * @property {FinetuningData | null} data
 * @property {FinetuningRun | null} run
 * @property {FinetuningResult | null} result
 *
 * @typedef {{untouched: number, begun: number, rejected: number, done: number, accepted: number}} ImageCounts
 * @typedef {{name: string | null, images: number, objects: number, accepted: number, seconds: number}} WorkCounts
 *
 * @typedef {object} Progress
 * @property {ImageCounts} images
 * @property {number} objects
 * @property {number} accepted
 * @property {number} seconds
 * @property {number | null} seconds_per_object
 * @property {WorkCounts[]} labels
 * @property {WorkCounts[]} people
 * @property {WorkCounts[]} days
 *
 * @typedef {{point: Point, object?: number | null, only_here?: boolean, keep_off?: number[]}} NewPreview
 * @typedef {{mask: RleMask | null}} Preview
 *
 * @typedef {{outlines: number[][][], tolerance: number, iou: number, edited: boolean}} Polygon
 *
 * @typedef {{objects: ObjectState[], notes: string[], tags: string[]}} ImportResult
 *
 * @typedef {{key: string, objects: number[], boxes: boolean}} NewCopies
 *
 * @typedef {{waiting: number, answered: number}} WaitingBoxes
 *
 * @typedef {{name: string | null, image: number | null}} PersonHere
 * @typedef {{image: number | null, object: number | null}} NewsChange
 * @typedef {{number: number, people: PersonHere[], changes: NewsChange[] | null}} News
 *
 * @typedef {{thing: string, why: string, number: number, examples: string[]}} Reason
 *
 * @typedef {object} FolderImport
 * @property {string} format
 * @property {boolean} dry_run
 * @property {number} images
 * @property {number} refused
 * @property {number} new
 * @property {number} same
 * @property {number} changed
 * @property {number} answered
 * @property {number} waiting
 * @property {Reason[]} left_out
 * @property {Reason[]} remarks
 *
 * @typedef {{error: string, state?: ObjectState | null}} Problem
 */

export {};
