/** Zip archives, so that the files of a folder travel in one request. */

const DEFLATE = 8;
const UTF8 = 0x800;
/** 1 January 1980: the time of a file is of no use here. */
const DATE = 0x21;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

/** @param {Blob} content */
async function packed(content) {
  const stream = content.stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Response(stream).blob();
}

/** Little-endian numbers of two or four bytes. @param {[number, 2 | 4][]} fields */
function record(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

/**
 * A zip archive of at most 4 GB and 65,535 files.
 *
 * @param {{name: string, content: Blob}[]} files names with forward slashes
 * @returns {Promise<Blob>}
 */
export async function zipOf(files) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {BlobPart[]} */
  const directory = [];
  let at = 0;
  let directorySize = 0;
  for (const { name, content } of files) {
    const path = new TextEncoder().encode(name);
    const sum = crc32(new Uint8Array(await content.arrayBuffer()));
    const body = await packed(content);
    /** @type {[number, 2 | 4][]} */
    const shared = [[20, 2], [UTF8, 2], [DEFLATE, 2], [0, 2], [DATE, 2], [sum, 4], [body.size, 4], [content.size, 4], [path.length, 2], [0, 2]];
    const local = record([0x04034b50, 4], ...shared);
    const entry = record([0x02014b50, 4], [20, 2], ...shared, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]);
    parts.push(local, path, body);
    directory.push(entry, path);
    at += local.length + path.length + body.size;
    directorySize += entry.length + path.length;
  }
  const end = record([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [directorySize, 4], [at, 4], [0, 2]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
