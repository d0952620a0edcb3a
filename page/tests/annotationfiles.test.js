import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";

import { annotationFiles, bundleOf, summaryOf } from "../../src/vpuformer/app/page/annotationfiles.js";
import { zipOf } from "../../src/vpuformer/app/page/zip.js";

/** @param {string} path @param {string} content */
const file = (path, content = "x") => Object.assign(new File([content], path.split("/").at(-1) ?? ""), { webkitRelativePath: path.includes("/") ? path : "" });
const names = (files) => files.map((each) => each.webkitRelativePath || each.name);

test("photographs next to annotations are left out, masks are not", () => {
  const isImage = (name) => name === "a.png";
  const given = ["set/a.png", "set/a.jpg", "set/labels/a.txt", "set/masks/a.png", "set/SegmentationClass/a.png", "set/b.png", "set/.hidden.json", "set/data.yaml"];
  assert.deepEqual(names(annotationFiles(given.map((path) => file(path)), isImage)),
    ["set/labels/a.txt", "set/masks/a.png", "set/SegmentationClass/a.png", "set/b.png", "set/data.yaml"]);
  assert.deepEqual(names(annotationFiles([file("a.png"), file("notes.pdf")], isImage)), ["a.png"], "masks may be named like their images");
});

test("one file is sent as it is, a folder as an archive with its name", async () => {
  const single = await bundleOf([file("boxes.json", "{}")]);
  assert.deepEqual([single.name, await single.body.text()], ["boxes.json", "{}"]);
  const folder = await bundleOf([file("set/labels/a.txt"), file("set/data.yaml")]);
  assert.equal(folder.name, "set");
  assert.deepEqual([...unzipped(Buffer.from(await folder.body.arrayBuffer())).keys()], ["labels/a.txt", "data.yaml"]);
});

test("an archive has the names and contents of its files", async () => {
  const long = "0 0.5 0.5 0.1 0.1\n".repeat(5000);
  const archive = Buffer.from(await (await zipOf([{ name: "é/a.txt", content: new Blob([long]) }, { name: "b.txt", content: new Blob([]) }])).arrayBuffer());
  assert.deepEqual([...unzipped(archive)], [["é/a.txt", long], ["b.txt", ""]]);
  assert.ok(archive.length < long.length / 10, "compressed");
});

/** Names and contents by the central directory. @param {Buffer} archive */
function unzipped(archive) {
  const end = archive.length - 22;
  assert.equal(archive.readUInt32LE(end), 0x06054b50);
  const files = new Map();
  for (let at = archive.readUInt32LE(end + 16), left = archive.readUInt16LE(end + 10); left; left--) {
    assert.equal(archive.readUInt32LE(at), 0x02014b50);
    const [packed, size, length, start] = [archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 24), archive.readUInt16LE(at + 28), archive.readUInt32LE(at + 42)];
    const body = start + 30 + archive.readUInt16LE(start + 26);
    const content = inflateRawSync(archive.subarray(body, body + packed));
    assert.equal(content.length, size);
    files.set(archive.toString("utf8", at + 46, at + 46 + length), content.toString());
    at += 46 + length;
  }
  return files;
}

test("the summary of an import says what was done, or what will be", () => {
  const report = { format: "COCO", dry_run: true, images: 2, refused: 1, new: 3, same: 1, changed: 0, answered: 0, waiting: 2, left_out: [], remarks: [] };
  assert.deepEqual(summaryOf(report), [
    "COCO: 2 images", "3 objects will be new", "1 object already here",
    "2 boxes without a mask: the network makes their masks in the background",
    "1 image left out because the annotations are broken or do not fit",
  ]);
  assert.deepEqual(summaryOf({ ...report, dry_run: false, refused: 0, waiting: 0, same: 0, changed: 1 }), ["COCO: 2 images", "3 objects new", "1 object updated"]);
});
