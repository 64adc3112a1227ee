/** Reads boxes of ISO/IEC 14496-12 back, without the writer's own tables. */

export interface Mp4Box {
  readonly type: string
  /** Behind size and type. */
  readonly body: Buffer
  /** From the first byte of the box. */
  readonly at: number
}

export function boxesOf(bytes: Uint8Array): Mp4Box[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const boxes: Mp4Box[] = []
  for (let at = 0; at < buffer.length;) {
    const size = buffer.readUInt32BE(at)
    if (size < 8 || at + size > buffer.length) throw new Error(`a box of ${size} bytes at ${at}`)
    const type = buffer.toString('latin1', at + 4, at + 8)
    boxes.push({ type, body: buffer.subarray(at + 8, at + size), at })
    at += size
  }
  return boxes
}

/** The body of the box at a path: 'moof/traf/tfdt'. The first of each name; `nth` counts at the second step. */
export function bodyAt(bytes: Uint8Array, path: string, nth = 0): Buffer {
  let body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const [step, type] of path.split('/').entries()) {
    const found = boxesOf(body).filter((box) => box.type === type)[step === 1 ? nth : 0]
    if (found === undefined) throw new Error(`no ${type} of ${path}`)
    body = found.body
  }
  return body
}

export interface ReadSample {
  readonly duration: number
  readonly compositionOffset: number
  readonly flags: number
  readonly data: Buffer
}

export interface ReadRun {
  readonly track: number
  readonly baseTime: bigint
  readonly samples: readonly ReadSample[]
}

/** Runs of a fragment, defaults of tfhd applied (8.8.7, 8.8.8, 8.8.12). */
export function runsOf(bytes: Uint8Array): ReadRun[] {
  const moof = boxesOf(bytes).find((box) => box.type === 'moof')!
  const trafs = boxesOf(moof.body).filter((box) => box.type === 'traf')
  return trafs.map(({ body }) => readRun(body, Buffer.from(bytes), moof.at))
}

function readRun(traf: Buffer, file: Buffer, moofAt: number): ReadRun {
  const tfhd = new Words(bodyAt(traf, 'tfhd'))
  const headFlags = tfhd.next() & 0xffffff
  const track = tfhd.next()
  const duration = (headFlags & 8) === 0 ? 0 : tfhd.next()
  const size = (headFlags & 0x10) === 0 ? 0 : tfhd.next()
  const flags = (headFlags & 0x20) === 0 ? 0 : tfhd.next()
  const trun = new Words(bodyAt(traf, 'trun'))
  const runFlags = trun.next()
  const count = trun.next()
  let at = moofAt + trun.next()
  const valueOr = (flag: number, other: number): number => (runFlags & flag ? trun.next() : other)
  const samples = Array.from({ length: count }, () => {
    const own = valueOr(0x100, duration)
    const bytes = valueOr(0x200, size)
    const kind = valueOr(0x400, flags)
    const offset = valueOr(0x800, 0)
    const data = file.subarray(at, at + bytes)
    at += bytes
    const signed = runFlags >>> 24 === 1 ? offset | 0 : offset
    return { duration: own, flags: kind, compositionOffset: signed, data }
  })
  return { track, baseTime: bodyAt(traf, 'tfdt').readBigUInt64BE(4), samples }
}

class Words {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  next(): number {
    this.#at += 4
    return this.#bytes.readUInt32BE(this.#at - 4)
  }
}
