/** Limits that a platform publishes; a stream above them is sent with a warning. */
export interface PlatformLimits {
  /** Bits per second. */
  readonly videoBitrate: number
  readonly audioBitrate: number
  readonly keyFrameSeconds: number
  readonly audioCodecs: readonly string[]
}

export interface Platform {
  readonly name: 'twitch' | 'kick' | 'youtube'
  /** Name of the platform for people. */
  readonly title: string
  /** Ends before the key. */
  readonly ingest: string
  readonly limits: PlatformLimits
}

/**
 * The platforms' general addresses (which lead to a nearby server) and their published recommendations: Twitch
 * "Broadcasting guidelines", YouTube "Choose live encoder settings", Kick "Stream settings".
 */
export const PLATFORMS: readonly Platform[] = [
  {
    name: 'twitch',
    title: 'Twitch',
    ingest: 'rtmps://ingest.global-contribute.live-video.net:443/app',
    limits: {
      videoBitrate: 6_000_000,
      audioBitrate: 160_000,
      keyFrameSeconds: 2,
      audioCodecs: ['aac', 'mp3'],
    },
  },
  {
    name: 'kick',
    title: 'Kick',
    ingest: 'rtmps://fa723fc1b171.global-contribute.live-video.net:443/app',
    limits: {
      videoBitrate: 8_000_000,
      audioBitrate: 160_000,
      keyFrameSeconds: 2,
      audioCodecs: ['aac'],
    },
  },
  {
    name: 'youtube',
    title: 'YouTube',
    ingest: 'rtmps://a.rtmps.youtube.com:443/live2',
    limits: {
      videoBitrate: 51_000_000,
      audioBitrate: 384_000,
      keyFrameSeconds: 4,
      audioCodecs: ['aac', 'mp3'],
    },
  },
]

export const platformNamed = (name: string): Platform | undefined =>
  PLATFORMS.find((platform) => platform.name === name.toLowerCase())
