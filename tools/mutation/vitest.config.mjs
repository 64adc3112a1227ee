// The unit tests alone, as the root's configuration has them, so that plugins reach their files.
import { defineConfig } from 'vitest/config'
import all from '../../vitest.config.ts'

const unit = all.test.projects.find((project) => project.test.name === 'unit')

export default defineConfig({ test: unit.test })
