import type { VideoCodec } from '../contract/format.ts'
import { H264Inspector } from './h264.ts'
import { HevcInspector } from './hevc.ts'
import { Mpeg2Inspector } from './mpeg2-video.ts'
import type { VideoInspector } from './video-inspection.ts'

/** One inspector per track: it holds the track's parameter sets. */
export function createVideoInspector(codec: VideoCodec): VideoInspector {
  switch (codec) {
    case 'h264':
      return new H264Inspector()
    case 'hevc':
      return new HevcInspector()
    case 'mpeg2video':
      return new Mpeg2Inspector()
  }
}
