// Which npm packages go into an archive, and where from.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";

interface Wanted {
    readonly name: string;
    /** The folder of who asks for it. */
    readonly from: string;
    /** That folder's place in the archive; empty: its root. */
    readonly place: string;
}

/**
 * The folders of `names` and of every package they depend on, by their place in an archive that lays them out as npm does. They are looked
 * for from this very file, as Node does: at a consumer's, the current directory, its package.json and its versions are not ours.
 */
export function packageFolders(names: readonly string[], from: string = __dirname): Map<string, string> {
    const folders = new Map<string, string>();
    const wanted: Wanted[] = names.map((name) => ({ name, from, place: "" }));
    const seen = new Set<string>();
    for (const { name, from, place } of wanted) {
        const folder = findPackage(name, from);
        const target = placeOf(folder, folders) ?? freePlace(name, folder, place, folders);
        if (seen.has(target)) {
            continue;
        }
        seen.add(target);
        const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
            dependencies?: Record<string, string>;
        };
        wanted.push(...Object.keys(dependencies).map((name) => ({ name, from: folder, place: target })));
    }
    return folders;
}

/** Where a folder is already in the archive: by itself, or inside one that npm put it into. */
function placeOf(folder: string, folders: ReadonlyMap<string, string>): string | undefined {
    for (const [place, packed] of folders) {
        if (folder === packed || folder.startsWith(packed + sep)) {
            return place + folder.slice(packed.length).split(sep).join("/");
        }
    }
    return undefined;
}

/** At the top; below its dependent when another version has the top already. */
function freePlace(name: string, folder: string, dependent: string, folders: Map<string, string>): string {
    const top = `node_modules/${name}`;
    const place = folders.has(top) ? `${dependent}/${top}` : top;
    folders.set(place, folder);
    return place;
}

function findPackage(name: string, from: string): string {
    for (let folder = from; ; folder = dirname(folder)) {
        const candidate = join(folder, "node_modules", name);
        if (existsSync(join(candidate, "package.json"))) {
            return realpathSync(candidate);
        }
        if (folder === dirname(folder)) {
            throw new Error(`The npm package ${name} is not installed where ${from} can find it: run npm install`);
        }
    }
}
