/** Types of the fields that tests read; the package has none. */
declare module 'm3u8-parser' {
  interface ParsedSegment {
    readonly uri?: string
    readonly duration: number
    readonly timeline: number
    readonly dateTimeObject?: Date
  }
  export class Parser {
    push(text: string): void
    end(): void
    readonly manifest: {
      readonly mediaSequence: number
      readonly discontinuitySequence: number
      readonly targetDuration: number
      readonly endList?: boolean
      readonly segments: readonly ParsedSegment[]
      readonly playlists: readonly {
        readonly uri: string
        readonly attributes: Readonly<Record<string, unknown>>
      }[]
      readonly mediaGroups: { readonly AUDIO: Readonly<Record<string, object>> }
    }
  }
}
