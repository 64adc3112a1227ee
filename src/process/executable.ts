import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The absolute path of a program: as given when it has a slash, else the first on PATH. */
export const findExecutable = (
  command: string,
  searchPath: string = process.env['PATH'] ?? '',
): string | undefined => {
  if (command.includes('/')) {
    const path = isAbsolute(command) ? command : resolve(command)
    return isProgram(path) ? path : undefined
  }
  return searchPath
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, command))
    .find(isProgram)
}
