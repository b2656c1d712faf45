import { open, opendir, readFile, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { SluiceError } from '../errors.ts'
import {
  copyToTemporary,
  linkDurably,
  makeFolderDurably,
  renameDurably,
  syncPath,
  systemCode,
  writeTemporary,
} from './durable-file.ts'
import type { FileIO, FileStat } from './file-io.ts'
import { locationOfPath, pathOfLocation } from './local-location.ts'
import { fileExists, missingFile, otherSize, shortFile } from './location.ts'

/**
 * Files on this machine's disk (`file:///…`). Whatever returns is durable: bytes and name.
 * A process that dies in a write leaves at most a hidden `.….tmp` file, which `list` shows, so
 * that the removal of orphans finds it.
 */
export function createLocalFileIO(): FileIO {
  return {
    schemes: ['file'],
    capabilities: { createIfAbsent: true },
    read,
    write,
    adopt,
    delete: deleteFile,
    stat: statFile,
    list,
    localPath,
  }
}

async function read(
  location: string,
  range?: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> {
  const path = pathOfLocation(location)
  try {
    if (range === undefined) return await readFile(path)
    return await readRange(location, path, range)
  } catch (error) {
    throw readFailure(location, error)
  }
}

async function readRange(
  location: string,
  path: string,
  range: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const bytes = new Uint8Array(range.length)
    let filled = 0
    while (filled < range.length) {
      const { bytesRead } = await file.read(
        bytes,
        filled,
        range.length - filled,
        range.offset + filled,
      )
      if (bytesRead === 0) {
        throw shortFile(location, range.offset + range.length, (await file.stat()).size)
      }
      filled += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

async function write(
  location: string,
  bytes: Uint8Array,
  options: { readonly ifAbsent?: boolean } = {},
): Promise<void> {
  const path = pathOfLocation(location)
  try {
    const temporary = await writeTemporary(path, bytes)
    if (options.ifAbsent === true) await linkDurably(temporary, path)
    else await renameOrClean(temporary, path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw fileExists(location, error)
    throw writeFailure(location, error)
  }
}

async function adopt(localPath: string, location: string): Promise<{ sizeBytes: number }> {
  const path = pathOfLocation(location)
  try {
    const { size } = await stat(localPath)
    await syncPath(localPath)
    await moveInto(localPath, path)
    return { sizeBytes: size }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw missingFile(locationOfPath(localPath), error)
    throw writeFailure(location, error)
  }
}

/** Renames, or copies where the scratch folder is on another device than the warehouse. */
async function moveInto(source: string, path: string): Promise<void> {
  await makeFolderDurably(dirname(path))
  try {
    await renameDurably(source, path)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await renameOrClean(await copyToTemporary(source, path), path)
    await rm(source, { force: true })
  }
}

async function renameOrClean(temporary: string, path: string): Promise<void> {
  try {
    await renameDurably(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function deleteFile(location: string): Promise<void> {
  try {
    // Not fsynced: a deletion that a power cut undoes leaves an orphan, never a hole.
    await unlink(pathOfLocation(location))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return
    throw failure(location, 'could not be deleted', 'It is still there', error)
  }
}

async function statFile(location: string): Promise<FileStat | undefined> {
  try {
    const found = await stat(pathOfLocation(location))
    if (!found.isFile()) return undefined
    return { location, sizeBytes: found.size, modifiedMs: Math.trunc(found.mtimeMs) }
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw readFailure(location, error)
  }
}

async function* list(prefix: string): AsyncGenerator<FileStat> {
  const folders = [pathOfLocation(prefix)]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name)
      if (entry.isDirectory) folders.push(path)
      // A file may go between the listing and the look at it: then it is not listed.
      const found = entry.isDirectory ? undefined : await statFile(locationOfPath(path))
      if (found !== undefined) yield found
    }
  }
}

async function entriesOf(
  folder: string,
): Promise<readonly { readonly name: string; readonly isDirectory: boolean }[]> {
  try {
    const entries = []
    for await (const entry of await opendir(folder)) {
      entries.push({ name: entry.name, isDirectory: entry.isDirectory() })
    }
    return entries
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw failure(locationOfPath(folder), 'could not be listed', 'The listing is incomplete', error)
  }
}

async function localPath(location: string, sizeBytes?: number): Promise<string> {
  const found = await statFile(location)
  if (found === undefined) throw missingFile(location)
  if (sizeBytes !== undefined && found.sizeBytes !== sizeBytes) {
    throw otherSize(location, found.sizeBytes, sizeBytes)
  }
  return pathOfLocation(location)
}

function readFailure(location: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') return missingFile(location, error)
  return failure(location, 'could not be read', 'Nothing was returned', error)
}

function writeFailure(location: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  return failure(location, 'could not be written', 'The file is not there', error)
}

function failure(location: string, what: string, notDone: string, cause: unknown): SluiceError {
  const code = systemCode(cause) ?? String(cause)
  return new SluiceError(
    'storage-unavailable',
    `${location} ${what} (${code}). ${notDone}; check the disk and its permissions, then try again.`,
    { cause, isRetryable: true, context: { location } },
  )
}
