// The components as a plugin, for programs in YAML: what the engine makes of PulumiPlugin.yaml, by Pulumi's own host.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { home, projectRoot } from "../machine/projectRoot";
import type { SystemFile } from "../machine/systemFile";

/** Puts the plugin where the engine looks for it, to be started as the Node.js language host starts it. */
export function installPlugin({ directory }: SystemFile, program: string): void {
    const source = sourceFolder();
    const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { version: string };
    const host = createRequire(program).resolve("@pulumi/pulumi/cmd/run-plugin/index.js");
    const folder = join(directory, "pulumi-home/plugins", `resource-taskgate-v${version}`);
    mkdirSync(folder, { recursive: true });
    const script = `#!/bin/sh\nexec '${process.execPath}' '${host}' '${source}' "$@"\n`;
    writeFileSync(join(folder, "pulumi-resource-taskgate"), script, { mode: 0o755 });
}

/** The checkout; the package's copy is laid beside the project, since the host leaves out what is in node_modules. */
function sourceFolder(): string {
    const packed = join(projectRoot, "plugin");
    if (!existsSync(packed)) {
        return projectRoot;
    }
    const source = join(home, "plugin");
    cpSync(packed, source, { recursive: true });
    return source;
}
