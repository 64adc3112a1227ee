/** Types of the fields that tests read; the package has none. */
declare module 'mpd-parser' {
  export interface ParsedSegment {
    readonly resolvedUri: string
    readonly duration: number
    readonly presentationTime: number
  }

  export interface ParsedPlaylist {
    readonly attributes: Readonly<Record<string, unknown>>
    readonly segments: readonly ParsedSegment[]
  }

  export interface ParsedManifest {
    readonly playlists: readonly ParsedPlaylist[]
    readonly mediaGroups: {
      readonly AUDIO: Readonly<
        Record<string, Readonly<Record<string, { readonly playlists: readonly ParsedPlaylist[] }>>>
      >
    }
  }

  export function parse(mpd: string, options: { readonly manifestUri: string }): ParsedManifest
}
