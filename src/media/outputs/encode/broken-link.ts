import { nextPrefix, PREFIX_BYTES } from '../../../codec/annex-b.ts'
import { hevcEndOfSequence } from '../../../codec/hevc.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'

/** nal_unit_type, ITU-T H.265 table 7-1. */
const BLA_W_LP = 16
const CRA = 21
const TYPE_BITS = 0x7e

const END_OF_SEQUENCE = hevcEndOfSequence()

/**
 * A cut into an open GOP stands in the program as an end of sequence and a CRA picture. This makes a BLA picture of it,
 * without the end of sequence, which decodes to the same: when the former comes, a decoder throws away what it has not
 * yet shown (C.5.2.2: NoOutputOfPriorPicsFlag is 1 for a CRA picture), one or two pictures before each cut.
 */
export class BrokenLinks {
  #ended: 'yes' | 'no' = 'no'

  /** The unit's bytes as they are, or a changed copy. In decode order; HEVC only. */
  bytesOf(unit: AccessUnit): Uint8Array {
    const { data, entry } = unit
    const begin = beginsWithEnd(data) ? END_OF_SEQUENCE.length : 0
    const end = data.length - (endsWithEnd(data) ? END_OF_SEQUENCE.length : 0)
    const behindEnd = begin > 0 || this.#ended === 'yes'
    this.#ended = end < data.length ? 'yes' : 'no'
    const rest = data.subarray(begin, end)
    return behindEnd && entry === 'cra' ? asBrokenLink(rest) : rest
  }
}

const isEnd = (data: Uint8Array, at: number): boolean =>
  at >= 0 && END_OF_SEQUENCE.every((byte, k) => data[at + k] === byte)

const beginsWithEnd = (data: Uint8Array): boolean => isEnd(data, 0)

const endsWithEnd = (data: Uint8Array): boolean => isEnd(data, data.length - END_OF_SEQUENCE.length)

const asBrokenLink = (unit: Uint8Array): Uint8Array => {
  const out = unit.slice()
  for (let at = nextPrefix(out, 0); at >= 0; at = nextPrefix(out, at + PREFIX_BYTES)) {
    const header = at + PREFIX_BYTES
    const type = (out[header]! & TYPE_BITS) >> 1
    if (type === CRA) out[header] = (out[header]! & ~TYPE_BITS) | (BLA_W_LP << 1)
  }
  return out
}
