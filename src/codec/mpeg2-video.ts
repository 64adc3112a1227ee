import { insertAt, leadingPrefix, nextPrefix, PREFIX_BYTES } from './annex-b.ts'
import { parseSequence } from './mpeg2-sequence.ts'
import type { Mpeg2Sequence } from './mpeg2-sequence.ts'
import { emptyInspection, reuseVideoFormat } from './video-inspection.ts'
import type { VideoInspection, VideoInspector } from './video-inspection.ts'

/** Start codes, ISO/IEC 13818-2 table 6-1. */
const PICTURE = 0x00
const LAST_SLICE = 0xaf
const SEQUENCE = 0xb3
const EXTENSION = 0xb5
const SEQUENCE_END = 0xb7
const GROUP = 0xb8

/** extension_start_code_identifier, table 6-2. */
const PICTURE_CODING = 8
/** picture_coding_type, table 6-12. */
const I_PICTURE = 1
const B_PICTURE = 3
/** picture_structure, table 6-14. */
const FRAME = 3

/** With the two quantiser matrices, extensions and user data; what is longer is corrupt. */
const MAX_SEQUENCE_BYTES = 4096

/** In place of its offset: the unit's sequence header was read. */
const SEQUENCE_STORED = -2

interface PictureHeader {
  readonly codingType: number
  readonly temporalReference: number
}

const codeAt = (bytes: Uint8Array, prefix: number): number => bytes[prefix + PREFIX_BYTES]!
const isSlice = (code: number): boolean => code > PICTURE && code <= LAST_SLICE
const startsUnit = (code: number): boolean =>
  code === SEQUENCE || code === GROUP || code === PICTURE

/** sequence_end_code (6.2.2): follows the last picture of a sequence. */
export const mpeg2SequenceEnd = (): Uint8Array => Uint8Array.of(0, 0, 1, SEQUENCE_END)

/** Random access points, format and access unit boundaries of MPEG-2 and MPEG-1 video. Clauses are of ISO/IEC 13818-2. */
export class Mpeg2Inspector implements VideoInspector {
  readonly #inspection = emptyInspection()
  #sequenceBytes = new Uint8Array(0)
  #sequence: Mpeg2Sequence | undefined
  /** temporal_reference of the random access picture whose leading B pictures have not all arrived. */
  #rapReference: number | undefined
  #isGopClosed = false

  inspect(unit: Uint8Array): VideoInspection {
    const found = this.#inspection
    found.rap = 'none'
    found.leading = false
    found.decodableLeading = false
    found.data = unit
    let closedGroup = false
    let sequenceAt = -1
    let picture: PictureHeader | undefined
    let structure = FRAME
    let prefix = nextPrefix(unit, 0)
    while (prefix >= 0 && prefix + PREFIX_BYTES < unit.length) {
      const code = codeAt(unit, prefix)
      if (isSlice(code)) break
      if (code === SEQUENCE) sequenceAt = prefix
      else if (code === GROUP || code === PICTURE) {
        if (sequenceAt >= 0) this.#storeSequence(unit, sequenceAt, prefix)
        if (sequenceAt >= 0) sequenceAt = SEQUENCE_STORED
        if (code === GROUP) closedGroup = ((unit[prefix + 7] ?? 0) & 0x40) !== 0
        // The second field of a frame has a header of its own: the first one gives the picture's type.
        else picture ??= pictureHeader(unit, prefix)
      } else if (code === EXTENSION) structure = pictureStructure(unit, prefix) ?? structure
      prefix = nextPrefix(unit, prefix + PREFIX_BYTES)
    }
    if (picture !== undefined) {
      this.#inspectPicture(picture, {
        closedGroup,
        ownSequence: sequenceAt === SEQUENCE_STORED,
        structure,
      })
    }
    return found
  }

  startsAccessUnit(payload: Uint8Array): boolean {
    const prefix = leadingPrefix(payload)
    return (
      prefix >= 0 && prefix + PREFIX_BYTES < payload.length && startsUnit(codeAt(payload, prefix))
    )
  }

  splitAccessUnits(payload: Uint8Array): readonly number[] {
    const starts: number[] = []
    let headers = -1
    let reference = -1
    let structure = FRAME
    let firstField = 0
    let prefix = nextPrefix(payload, 0)
    while (prefix >= 0 && prefix + PREFIX_BYTES < payload.length) {
      const code = codeAt(payload, prefix)
      if (headers < 0 && startsUnit(code)) headers = prefix
      if (code === PICTURE) {
        reference = pictureHeader(payload, prefix)?.temporalReference ?? -1
        structure = FRAME
      } else if (code === EXTENSION) structure = pictureStructure(payload, prefix) ?? structure
      else if (isSlice(code) && headers >= 0) {
        const field = structure === FRAME ? 0 : reference * 4 + structure
        // Structures 1 and 2 of one temporal reference are the two fields of a frame.
        if (firstField !== 0 && (firstField ^ field) === FRAME) firstField = 0
        else {
          starts.push(headers)
          firstField = field
        }
        headers = -1
      }
      prefix = nextPrefix(payload, prefix + PREFIX_BYTES)
    }
    return starts
  }

  reset(): void {
    this.#sequenceBytes = new Uint8Array(0)
    this.#sequence = undefined
    this.#rapReference = undefined
    this.#inspection.format = undefined
    this.#inspection.reorderFrames = undefined
  }

  #storeSequence(unit: Uint8Array, start: number, end: number): void {
    if (end - start > MAX_SEQUENCE_BYTES) return
    const known = this.#sequenceBytes
    if (known.length === end - start && known.every((byte, i) => byte === unit[start + i])) return
    const sequence = parseSequence(unit, start, end)
    if (sequence === undefined) return
    this.#sequence = sequence
    this.#sequenceBytes = unit.slice(start, end)
    this.#inspection.format = reuseVideoFormat(this.#inspection.format, sequence.format)
    this.#inspection.reorderFrames = sequence.lowDelay ? 0 : 1
  }

  #inspectPicture(
    picture: PictureHeader,
    unit: { closedGroup: boolean; ownSequence: boolean; structure: number },
  ): void {
    const found = this.#inspection
    if (picture.codingType === B_PICTURE) {
      // 6.3.8: B pictures between an I picture and the next reference picture in decoding order are shown before it.
      found.leading = this.#rapReference !== undefined && !this.#isGopClosed
      found.decodableLeading = this.#rapReference !== undefined && this.#isGopClosed
      return
    }
    const secondField = unit.structure !== FRAME && picture.temporalReference === this.#rapReference
    if (secondField) return
    this.#rapReference = undefined
    if (picture.codingType !== I_PICTURE || this.#sequence === undefined) return
    found.rap = 'i_picture'
    this.#rapReference = picture.temporalReference
    this.#isGopClosed = unit.closedGroup
    if (!unit.ownSequence) found.data = insertAt(found.data, 0, this.#sequenceBytes)
  }
}

/** 6.2.3: temporal_reference 10 bits, picture_coding_type 3 bits. */
function pictureHeader(bytes: Uint8Array, prefix: number): PictureHeader | undefined {
  if (prefix + 6 > bytes.length) return undefined
  const high = bytes[prefix + 4]!
  const low = bytes[prefix + 5]!
  return { temporalReference: (high << 2) | (low >> 6), codingType: (low >> 3) & 7 }
}

/** 6.2.3.1: picture_structure of a picture coding extension; undefined for another extension. */
function pictureStructure(bytes: Uint8Array, prefix: number): number | undefined {
  if (prefix + 7 > bytes.length || bytes[prefix + 4]! >> 4 !== PICTURE_CODING) return undefined
  return bytes[prefix + 6]! & 3
}
