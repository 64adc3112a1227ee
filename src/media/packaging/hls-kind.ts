import { isAbsolute } from 'node:path'
import { SluiceError } from '../../contract/errors.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { OutputContext, OutputKind, OutputParts } from '../outputs/interface/output-kind.ts'
import { HlsOutput } from './hls-output.ts'
import { Packager } from './segment/packager.ts'
import { SharedParts } from './shared-parts.ts'
import { folderIn, placeOf } from './segment/packaging-plan.ts'

/** Kinds `hls:` and `dash:`. Outputs of one channel with equal packaging share the packager. */
export const hlsKinds = (): readonly OutputKind[] => {
  const packagers = new SharedParts<Packager>()
  return [createKind('hls', packagers), createKind('dash', packagers)]
}

const createKind = (kind: 'hls' | 'dash', packagers: SharedParts<Packager>): OutputKind => ({
  grammar: `${kind}: or ${kind}:/folder`,
  matchesUrl: (url) => url.toLowerCase().startsWith(`${kind}:`),
  checkSpec: (spec, context) => checkSpec(kind, spec, context),
  createOutput: (spec, parts) => createOutput(kind, spec, { ...parts, packagers }),
})

function checkSpec(
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

function createOutput(
  kind: 'hls' | 'dash',
  { id, url }: OutputSpec,
  parts: OutputParts & { readonly packagers: SharedParts<Packager> },
): HlsOutput {
  const { channel, stateFolder, clock, wallTime, packagers } = parts
  const place = placeOf(url, channel.hls, stateFolder)
  return new HlsOutput({
    ...{ id, url, kind, clock, wallTime, packagers },
    spec: channel.hls,
    title: channel.name,
    container: place.container,
    packagerName: `${place.container} ${place.folder ?? 'memory'}`,
    createPackager: () =>
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
        memory: parts.memory,
        onLine: (line) => parts.onLine(id, line),
        warn: (message) => parts.warn(id, message),
        alert: parts.alert,
      }),
  })
}
