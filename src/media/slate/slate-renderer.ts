import { access } from 'node:fs/promises'
import { SluiceError } from '../../contract/errors.ts'
import type { SlateSpec } from '../../contract/spec.ts'
import { slateArguments, slateFrames, type SlateRequest } from '../../ffmpeg/slate-arguments.ts'
import { rateOf, type TargetFormat } from '../../ffmpeg/target-format.ts'
import type { ProcessHost } from '../../process/host.ts'
import { render } from './render.ts'
import { pictureGroup, silentFrame } from './slate-frames.ts'
import type { SlateMaterial } from './slate-material.ts'

const MAX_CACHED_SLATES = 8
const TICKS_PER_SECOND = 90_000

export interface SlateRendererParts {
  readonly host: ProcessHost
  /** Path of ffmpeg. */
  readonly ffmpeg: string
}

/** Renders slates with FFmpeg (0.2 to 0.5 s) and keeps the last few in memory. */
export class SlateRenderer {
  readonly #parts: SlateRendererParts
  readonly #cache = new Map<string, SlateMaterial>()

  constructor(parts: SlateRendererParts) {
    this.#parts = parts
  }

  /**
   * Renders a slate in exactly this format, without video or audio where the target has none. Throws SluiceError with
   * FFmpeg's error output when it can't be rendered: a channel must not start without its slate.
   */
  async renderSlate(
    target: TargetFormat,
    spec: SlateSpec,
    signal: AbortSignal,
  ): Promise<SlateMaterial> {
    const key = JSON.stringify([target, spec])
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const material = await this.#render(target, spec, signal)
    this.#cache.set(key, material)
    if (this.#cache.size > MAX_CACHED_SLATES) this.#cache.delete(this.#cache.keys().next().value!)
    return material
  }

  async #render(
    target: TargetFormat,
    spec: SlateSpec,
    signal: AbortSignal,
  ): Promise<SlateMaterial> {
    await checkImage(spec)
    const request: SlateRequest = {
      target,
      message: spec.message,
      background: spec.background,
      ...(spec.image === undefined ? {} : { image: spec.image }),
      ...(target.video === undefined ? {} : { seconds: target.video.gopSeconds }),
    }
    const { host, ffmpeg } = this.#parts
    const args = slateArguments(request)
    const bytes = await render(host, { ffmpeg, args, purpose: 'slate' }, signal)
    const { video, audio } = target
    const slateVideo =
      video === undefined
        ? { video: [], videoTicks: 0, videoFormat: undefined }
        : pictureGroup(bytes, slateFrames(request), TICKS_PER_SECOND / rateOf(video))
    return { ...slateVideo, silence: audio === undefined ? undefined : silentFrame(bytes) }
  }
}

const checkImage = async ({ image }: SlateSpec): Promise<void> => {
  if (image === undefined) return
  try {
    await access(image)
  } catch (error) {
    throw new SluiceError('file_missing', `slate.image ${JSON.stringify(image)} can't be read`, {
      cause: error,
    })
  }
}
