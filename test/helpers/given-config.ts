import { expect } from 'vitest'
import { type ConfigRequest, loadConfig, type LoadedConfig } from '../../src/config/load.ts'
import type { Flags } from '../../src/config/text-layer.ts'
import { SluiceError } from '../../src/contract/errors.ts'

/** Given configuration: flags, variables, a file called channel.toml, and other files. */
export interface GivenConfig {
  readonly flags?: Partial<Flags>
  readonly env?: ConfigRequest['env']
  readonly toml?: string
  readonly files?: Readonly<Record<string, string>>
}

export const loadGiven = ({
  flags = {},
  env = {},
  toml,
  files = {},
}: GivenConfig): LoadedConfig => {
  const all: Record<string, string> =
    toml === undefined ? files : { ...files, 'channel.toml': toml }
  return loadConfig({
    flags: { scalars: {}, ...flags },
    env,
    ...(toml === undefined ? {} : { file: 'channel.toml' }),
    readFile: (path) => {
      const text = all[path]
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`)
      return text
    },
  })
}

/** Sentences of the refusal. */
export const refusalOf = (given: GivenConfig): string => {
  try {
    loadGiven(given)
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError)
    return (error as SluiceError).message
  }
  throw new Error('the configuration was accepted')
}
