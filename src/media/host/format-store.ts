import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { STORED_FORMAT_VERSION, StoredFormat } from '../../contract/stored-format.ts'
import { messageOf } from '../../lib/error-message.ts'
import { makeFolder } from '../../process/make-folder.ts'
import { readStateFile, writeStateFile, type StateForm } from '../../process/state-file.ts'
import type { ChannelParts } from '../channel/channel-parts.ts'
import type { ProgramFormat } from '../format/program-format.ts'

export type FormatStore = Pick<ChannelParts, 'storedFormat' | 'storeFormat'>

const FORM: StateForm<ProgramFormat> = {
  version: STORED_FORMAT_VERSION,
  parse: (value) => {
    const { data } = StoredFormat.safeParse(value)
    return data === undefined ? undefined : { video: undefined, audio: undefined, ...data }
  },
}

/**
 * The format of an earlier run with the same state folder (DESIGN.md, 3.10), from `format.json`. A file without one is
 * renamed to `format.json.bad`; that, and a full or read-only disk, is a warning, not a fault.
 */
export const openFormatStore = async (
  folder: string | undefined,
  warn: (message: string) => void,
): Promise<FormatStore> => {
  if (folder === undefined)
    return { storedFormat: () => undefined, storeFormat: () => Promise.resolve() }
  const path = join(folder, 'format.json')
  const stored = await readStateFile(path, FORM)
  if (stored?.kind === 'invalid') {
    const aside = `${path}.bad`
    const isMoved = await rename(path, aside).then(
      () => true,
      () => false,
    )
    warn(
      `the stored format ${path} ${stored.why}: it is ${isMoved ? `put aside as ${aside}` : 'ignored'}`,
    )
  }
  return {
    storedFormat: () => (stored?.kind === 'valid' ? stored.state : undefined),
    storeFormat: async (format) => {
      try {
        await makeFolder(folder)
        await writeStateFile(path, format, FORM)
      } catch (error) {
        warn(`the format of the program is not stored in ${path}: ${messageOf(error)}`)
      }
    },
  }
}
