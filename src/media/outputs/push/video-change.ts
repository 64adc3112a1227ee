import type { VideoFormat } from '../../../contract/format.ts'

/** Reason why a destination of copied video cannot follow the change; undefined when it can. */
export const videoChangeRefusal = (
  output: string,
  now: VideoFormat,
  next: VideoFormat,
): string | undefined =>
  canFollow(now, next)
    ? undefined
    : `output ${output} sends ${describeFormat(now)} as it is, and a platform does not follow a change to ${describeFormat(next)}: ` +
      'set conform to "auto" or "transcode", or push.recipe of the output to "encode"'

const canFollow = (now: VideoFormat, next: VideoFormat): boolean =>
  now.codec === next.codec &&
  now.profile === next.profile &&
  now.width === next.width &&
  now.height === next.height &&
  now.chroma === next.chroma &&
  now.depth === next.depth

const describeFormat = ({ codec, profile, width, height }: VideoFormat): string =>
  `${width}x${height} ${codec} ${profile}`
