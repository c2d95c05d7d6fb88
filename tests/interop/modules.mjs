// SPDX-License-Identifier: Apache-2.0
/*
 * The npm packages lie in build/npm, outside this folder's reach for plain
 * imports. Also lets icebird, which reads by fetch(), read files: URLs of
 * scheme file: and absolute paths are answered from the disk, with ranges.
 */
import { createRequire } from 'node:module';
import { open, stat } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import path from 'node:path';

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, '../..');
const npm = path.join(process.env.CALVE_BUILD ?? path.join(root, 'build'),
    'npm');
const modules = path.join(npm, 'node_modules');
const require = createRequire(path.join(npm, 'package.json'));

export const icebird = await import(
    pathToFileURL(path.join(modules, 'icebird/src/index.js')));
export const hyparquet = await import(
    pathToFileURL(path.join(modules, 'hyparquet/src/index.js')));
export const { compressors } = await import(
    pathToFileURL(path.join(modules, 'hyparquet-compressors/src/index.js')));

export function duckdb() {
	return require('@duckdb/node-api');
}

/* Iceberg paths are no URLs: nothing in them is percent-decoded. */
export function localPath(location) {
	return location.replace(/^file:(\/\/)?/, '');
}

const plainFetch = globalThis.fetch;

globalThis.fetch = async (url, init = {}) => {
	const text = String(url);
	if (!text.startsWith('file:') && !text.startsWith('/'))
		return plainFetch(url, init);
	const file = localPath(text);
	let size;
	try {
		size = (await stat(file)).size;
	} catch {
		return new Response(null, { status: 404,
		    statusText: `no file '${file}'` });
	}
	const range = new Headers(init.headers).get('Range');
	if (init.method === 'HEAD')
		return new Response(null,
		    { headers: { 'Content-Length': String(size) } });
	let [start, end] = [0, size];
	if (range !== null) {
		const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range);
		start = Number(from);
		end = to === '' ? size : Math.min(Number(to) + 1, size);
	}
	const handle = await open(file);
	try {
		const bytes = Buffer.alloc(end - start);
		await handle.read(bytes, 0, end - start, start);
		return new Response(bytes,
		    { status: range === null ? 200 : 206 });
	} finally {
		await handle.close();
	}
};
