import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import { type Archive, isArchive, isAsset } from "../resources/values";

/** The zip file of an archive: the same bytes for the same content, wherever and whenever it is made. */
export async function zip(archive: Archive): Promise<Buffer> {
    if (archive.path?.endsWith(".zip")) {
        return readFileSync(archive.path);
    }
    const files = filesOf(archive, "").sort(([a], [b]) => (a < b ? -1 : 1));
    const file = new ZipFile();
    for (const [name, content] of files) {
        file.addBuffer(content, name, { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true });
    }
    file.end();
    return await buffer(file.outputStream);
}

type File = readonly [name: string, content: Buffer];

function filesOf(value: unknown, name: string): File[] {
    if (isAsset(value) && value.text !== undefined) {
        return [[name, Buffer.from(value.text)]];
    }
    if (isAsset(value) && value.path !== undefined) {
        return [[name, readFileSync(value.path)]];
    }
    if (isArchive(value) && value.assets) {
        return Object.entries(value.assets).flatMap(([key, item]) => filesOf(item, inside(name, key)));
    }
    if (isArchive(value) && value.path !== undefined) {
        return filesBelow(value.path, name);
    }
    throw new Error(
        `cannot pack ${name === "" ? "the archive" : `"${name}" of the archive`}: ` +
            "a text, a file, a folder, a .zip file or an AssetArchive of these can be packed; a remote one cannot",
    );
}

function filesBelow(path: string, name: string): File[] {
    if (!statSync(path).isDirectory()) {
        throw new Error(`cannot pack "${path}": as an archive, it must be a folder or a .zip file`);
    }
    return readdirSync(path).flatMap((entry) => {
        const below = join(path, entry);
        const stats = statSync(below, { throwIfNoEntry: false }); // follows links; a dangling one has no content
        if (stats?.isDirectory()) {
            return filesBelow(below, inside(name, entry));
        }
        return stats?.isFile() ? [[inside(name, entry), readFileSync(below)] as const] : [];
    });
}

function inside(folder: string, name: string): string {
    return folder === "" ? name : `${folder}/${name}`;
}
