/** One fragment: moof (ISO/IEC 14496-12, 8.8) and mdat, written in place into one array. */

export interface Sample {
  /** Units of the track's timescale. */
  readonly duration: number
  /** Presentation time less decoding time, in units of the track's timescale. */
  readonly compositionOffset: number
  /** A sync sample: decoding may begin here. */
  readonly rap: boolean
  readonly data: Uint8Array
}

export interface TrackRun {
  /** Id of the track. */
  readonly track: number
  /** Decoding time of the first sample in units of the track's timescale; up to 2^53. */
  readonly baseTime: number
  readonly samples: readonly Sample[]
}

const BOX_BYTES = 8
const FULL_BOX_BYTES = 12
const WORD = 4

/** styp with two brands (8.16.2). */
const STYP = [24, 'styp', 'msdh', 0, 'msdh', 'cmfs'] as const
const MFHD_BYTES = FULL_BOX_BYTES + WORD
const TFHD_BYTES = FULL_BOX_BYTES + WORD
/** Version 1: the time has 64 bits (8.8.12). */
const TFDT_BYTES = FULL_BOX_BYTES + 2 * WORD
const TRUN_BYTES = FULL_BOX_BYTES + 2 * WORD

/** tf_flags, 8.8.7. */
const DEFAULT_DURATION = 0x8
const DEFAULT_FLAGS = 0x20
const BASE_IS_MOOF = 0x020000
/** tr_flags, 8.8.8. */
const DATA_OFFSET = 0x1
const SAMPLE_DURATION = 0x100
const SAMPLE_SIZE = 0x200
const SAMPLE_FLAGS = 0x400
const COMPOSITION_OFFSET = 0x800
const VERSION_1 = 0x01000000

/** sample_depends_on 2: on no other (8.8.3.1). */
const SYNC_SAMPLE = 0x02000000
/** sample_depends_on 1, sample_is_non_sync_sample. */
const OTHER_SAMPLE = 0x01010000
const MAX_WORD = 0xffffffff
const MAX_COMPOSITION_OFFSET = 0x7fffffff

/** Fields that a run writes once for all its samples, and those it writes for each. */
interface RunLayout {
  readonly run: TrackRun
  readonly headFlags: number
  readonly runFlags: number
  readonly bytes: number
  readonly version: 0 | typeof VERSION_1
  readonly dataBytes: number
}

/** moof and mdat; `styp` in front of the first fragment of a segment. */
export function fragment(
  sequence: number,
  runs: readonly TrackRun[],
  first: 'segment' | 'fragment',
): Uint8Array {
  const layouts = runs.filter((run) => run.samples.length > 0).map(layoutOf)
  const typeBytes = first === 'segment' ? STYP[0] : 0
  const moofBytes = layouts.reduce((sum, { bytes }) => sum + bytes, BOX_BYTES + MFHD_BYTES)
  const dataBytes = layouts.reduce((sum, one) => sum + one.dataBytes, 0)
  const mdatBytes = BOX_BYTES + dataBytes
  if (mdatBytes > MAX_WORD) {
    throw new RangeError(`a fragment holds at most ${MAX_WORD} bytes, not ${mdatBytes}`)
  }
  const words = new WordWriter(typeBytes + moofBytes + mdatBytes)
  if (first === 'segment') words.writeAll(...STYP)
  words.writeAll(moofBytes, 'moof', MFHD_BYTES, 'mfhd', 0, sequence)
  // From the first byte of moof to the first of the samples (8.8.8.3).
  let dataOffset = moofBytes + BOX_BYTES
  for (const layout of layouts) {
    writeRun(words, layout, dataOffset)
    dataOffset += layout.dataBytes
  }
  words.writeAll(mdatBytes, 'mdat')
  for (const { run } of layouts) for (const sample of run.samples) words.writeBytes(sample.data)
  return words.out
}

/** Layout of a run: fields equal in all samples go into its head. */
function layoutOf(run: TrackRun): RunLayout {
  const { duration, rap } = run.samples[0]!
  if (!(run.baseTime >= 0) || !Number.isSafeInteger(run.baseTime)) {
    throw new RangeError(`a decoding time must be a whole number from 0 on, not ${run.baseTime}`)
  }
  let headFlags = BASE_IS_MOOF | DEFAULT_DURATION | DEFAULT_FLAGS
  let runFlags = DATA_OFFSET | SAMPLE_SIZE
  let version: RunLayout['version'] = 0
  let dataBytes = 0
  for (const sample of run.samples) {
    checkSample(sample)
    if (sample.duration !== duration) {
      headFlags &= ~DEFAULT_DURATION
      runFlags |= SAMPLE_DURATION
    }
    if (sample.rap !== rap) {
      headFlags &= ~DEFAULT_FLAGS
      runFlags |= SAMPLE_FLAGS
    }
    if (sample.compositionOffset !== 0) runFlags |= COMPOSITION_OFFSET
    if (sample.compositionOffset < 0) version = VERSION_1
    dataBytes += sample.data.length
  }
  const headWords = countOf(headFlags, DEFAULT_DURATION | DEFAULT_FLAGS)
  const perSample = countOf(
    runFlags,
    SAMPLE_DURATION | SAMPLE_SIZE | SAMPLE_FLAGS | COMPOSITION_OFFSET,
  )
  const bytes =
    BOX_BYTES +
    TFHD_BYTES +
    headWords * WORD +
    TFDT_BYTES +
    TRUN_BYTES +
    run.samples.length * perSample * WORD
  return { run, headFlags, runFlags, version, bytes, dataBytes }
}

/** Rejects fractions: they would be truncated silently, and times would no longer add up. */
function checkSample({ duration, compositionOffset }: Sample): void {
  if (!(duration >= 0 && duration <= MAX_WORD) || !Number.isInteger(duration)) {
    throw new RangeError(`a sample's duration must be a whole number of 32 bits, not ${duration}`)
  }
  if (
    !Number.isInteger(compositionOffset) ||
    Math.abs(compositionOffset) > MAX_COMPOSITION_OFFSET
  ) {
    throw new RangeError(
      `a composition offset must be a whole number of 31 bits, not ${compositionOffset}`,
    )
  }
}

const countOf = (flags: number, mask: number): number => {
  let count = 0
  for (let left = flags & mask; left !== 0; left &= left - 1) count++
  return count
}

function writeRun(words: WordWriter, layout: RunLayout, dataOffset: number): void {
  const { run, headFlags, runFlags, version } = layout
  const { samples } = run
  const flagsOf = (sample: Sample): number => (sample.rap ? SYNC_SAMPLE : OTHER_SAMPLE)
  const headBytes = TFHD_BYTES + countOf(headFlags, DEFAULT_DURATION | DEFAULT_FLAGS) * WORD
  words.writeAll(layout.bytes, 'traf', headBytes, 'tfhd', headFlags, run.track)
  if ((headFlags & DEFAULT_DURATION) !== 0) words.writeWord(samples[0]!.duration)
  if ((headFlags & DEFAULT_FLAGS) !== 0) words.writeWord(flagsOf(samples[0]!))
  const high = Math.floor(run.baseTime / 2 ** 32)
  words.writeAll(TFDT_BYTES, 'tfdt', VERSION_1, high, run.baseTime - high * 2 ** 32)
  const runBytes = layout.bytes - BOX_BYTES - headBytes - TFDT_BYTES
  words.writeAll(runBytes, 'trun', version + runFlags, samples.length, dataOffset)
  for (const sample of samples) {
    if ((runFlags & SAMPLE_DURATION) !== 0) words.writeWord(sample.duration)
    words.writeWord(sample.data.length)
    if ((runFlags & SAMPLE_FLAGS) !== 0) words.writeWord(flagsOf(sample))
    if ((runFlags & COMPOSITION_OFFSET) !== 0) words.writeWord(sample.compositionOffset)
  }
}

/** Words of 32 bits, names of four letters, and bytes, one behind the other. */
class WordWriter {
  readonly out: Uint8Array
  #at = 0

  constructor(size: number) {
    this.out = new Uint8Array(size)
  }

  writeAll(...words: readonly (number | string)[]): void {
    for (const word of words) {
      if (typeof word === 'number') this.writeWord(word)
      else for (let i = 0; i < WORD; i++) this.out[this.#at++] = word.charCodeAt(i)
    }
  }

  /** Writes 32 bits; negative values as two's complement. */
  writeWord(value: number): void {
    const { out } = this
    out[this.#at] = value >>> 24
    out[this.#at + 1] = value >>> 16
    out[this.#at + 2] = value >>> 8
    out[this.#at + 3] = value
    this.#at += WORD
  }

  writeBytes(bytes: Uint8Array): void {
    this.out.set(bytes, this.#at)
    this.#at += bytes.length
  }
}
