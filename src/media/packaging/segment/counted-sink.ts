import type { Part, RenditionSink, SegmentBegin, SegmentEnd } from '../store/segment-model.ts'

/** Totals of packaging since the start, over all renditions. */
export interface PackagedFigures {
  bytes: number
  /** Segments of the program's own stream. */
  segments: number
  discontinuities: number
  gaps: number
}

export const emptyFigures = (): PackagedFigures => ({
  bytes: 0,
  segments: 0,
  discontinuities: 0,
  gaps: 0,
})

/** A rendition sink that counts; `main`: also segments and discontinuities, which are equal in all renditions. */
export class CountedSink implements RenditionSink {
  readonly #sink: RenditionSink
  readonly #figures: PackagedFigures
  readonly #kind: 'main' | 'other'

  constructor(sink: RenditionSink, figures: PackagedFigures, kind: 'main' | 'other') {
    this.#sink = sink
    this.#figures = figures
    this.#kind = kind
  }

  init(bytes: Uint8Array): void {
    this.#sink.init(bytes)
  }

  begin(segment: SegmentBegin): void {
    if (this.#kind === 'main' && segment.discontinuity) this.#figures.discontinuities++
    this.#sink.begin(segment)
  }

  part(part: Part): void {
    this.#figures.bytes += part.bytes.length
    this.#sink.part(part)
  }

  end(end: SegmentEnd): void {
    if (this.#kind === 'main') this.#figures.segments++
    this.#figures.bytes += end.bytes?.length ?? 0
    this.#sink.end(end)
  }

  gap(segment: SegmentBegin & { readonly duration: number }): void {
    this.#figures.gaps++
    this.#sink.gap(segment)
  }
}
