import { isAbsolute } from 'node:path'
import { SluiceError } from '../../../contract/errors.ts'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import type { OutputContext, OutputKind, OutputParts } from '../output-kind.ts'
import { HlsOutput } from './hls-output.ts'
import { Packager } from './packager.ts'
import { folderIn, placeOf } from './packaging-plan.ts'

const kindNamed = (kind: 'hls' | 'dash'): OutputKind => ({
  grammar: `${kind}: or ${kind}:/folder`,
  claims: (url) => url.toLowerCase().startsWith(`${kind}:`),
  check: (spec, context) => check(kind, spec, context),
  open: (spec, parts) => open(kind, spec, parts),
})

export const HLS_KIND = kindNamed('hls')
export const DASH_KIND = kindNamed('dash')

function check(
  kind: 'hls' | 'dash',
  { id, url }: OutputSpec,
  { channel }: Pick<OutputContext, 'channel'>,
): void {
  const folder = folderIn(url)
  if (folder !== '' && (!isAbsolute(folder) || folder.startsWith('//') || folder.includes('\0'))) {
    throw new SluiceError(
      'unsupported_url',
      `output ${id}, url ${JSON.stringify(url)}: write "${kind}:", or "${kind}:/folder" with an absolute path`,
    )
  }
  if (folder !== '' && channel.hls.storage === 'memory') {
    throw new SluiceError(
      'option_refused',
      `output ${id}, url ${JSON.stringify(url)}: hls.storage is "memory", so there is no folder to write to`,
    )
  }
}

function open(kind: 'hls' | 'dash', { id, url }: OutputSpec, parts: OutputParts): HlsOutput {
  const { channel, stateFolder, clock, wallTime, packagers } = parts
  const place = placeOf(url, channel.hls, stateFolder)
  return new HlsOutput({
    ...{ id, url, kind, clock, wallTime, packagers },
    spec: channel.hls,
    title: channel.name,
    container: place.container,
    packagerName: `${place.container} ${place.folder ?? 'memory'}`,
    makePackager: () =>
      new Packager({
        place,
        spec: channel.hls,
        serviceName: channel.name,
        program: parts.program,
        host: parts.host,
        ffmpeg: parts.ffmpeg.ffmpeg,
        clock,
        wallTime,
        random: parts.random,
        onLine: (line) => parts.onLine(id, line),
        warn: (message) => parts.warn(id, message),
        alert: parts.alert,
      }),
  })
}
