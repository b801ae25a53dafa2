import { existsSync } from 'node:fs'
import { configOrigin, readConfigFile } from '../config-file.ts'
import type { Config } from '../domain/config.ts'
import { defaults } from '../domain/config.ts'
import { messageOf } from '../domain/error.ts'
import type { Home } from '../home.ts'
import { lockHolder } from './lock-holder.ts'
import type { StoreView } from './store-view.ts'
import { viewStore } from './store-view.ts'

/** The daemon that answers in a home. */
export type Answering = { pid: number; version: string }

export type PlaceOptions = {
  home: Home
  /** Default: the home's own. */
  configFile?: string
  env: Readonly<Record<string, string | undefined>>
  now: number
  /** null: nobody answers. */
  daemon: Answering | null
  version: string
}

/** Where the doctor looks: one squad, be it up or down, and what is known of it beforehand. */
export type Place = Required<PlaceOptions> & {
  /** The defaults where the file cannot be used: then `configProblem` says why. */
  config: Config
  configProblem: string | null
  hasStore: boolean
  /** null when there is none, or none that can be read. */
  store: StoreView | null
  holder: { pid: number | null; canTell: boolean }
}

export function lookAround(options: PlaceOptions): Place {
  const { home } = options
  const configFile = options.configFile ?? home.configFile
  const required = options.configFile !== undefined
  const { config, configProblem } = tryConfig(configFile, required)
  return {
    ...options,
    configFile,
    config,
    configProblem,
    hasStore: existsSync(home.storeFile),
    store: existsSync(home.storeFile) ? tryView(home.storeFile) : null,
    holder: lockHolder(home.lockFile),
  }
}

function tryConfig(file: string, required: boolean) {
  try {
    return { config: readConfigFile(file, { required }), configProblem: null }
  } catch (error) {
    return { config: defaults, configProblem: messageOf(error) }
  }
}

function tryView(file: string): StoreView | null {
  try {
    return viewStore(file)
  } catch {
    // What is wrong with it is for the check of the database to say.
    return null
  }
}

/** The settings as they are, for a report. */
export const settingsOf = ({ configFile, configProblem }: Place): unknown =>
  configProblem ?? configOrigin(configFile)
