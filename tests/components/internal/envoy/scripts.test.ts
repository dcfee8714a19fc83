import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { expect } from "chai";

import { ownIdPlaceholder, routesFile, sunsetPlaceholder } from "../../../../components/internal/envoy/routes";
import { drainEnvoy, endFile, writeRoutes } from "../../../../components/internal/envoy/scripts";
import { inFolder, writeOwnRoutes } from "../../../support/initEnvoy";

/** What stands in the place of the task's id, by the URI that ECS puts into its environment. */
function ownIdBy(uri?: string): string {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-"));
    try {
        execFileSync("/bin/sh", ["-c", inFolder(writeRoutes, directory)], {
            env: {
                PATH: process.env.PATH,
                ROUTES: ownIdPlaceholder,
                ...(uri !== undefined && { ECS_CONTAINER_METADATA_URI_V4: uri }),
            },
        });
        return readFileSync(join(directory, basename(routesFile)), "utf8");
    } finally {
        rmSync(directory, { recursive: true });
    }
}

/** What a drain says at its end, and the answers that it did not ask for: what is open or under way, "busy" for none in time, "gone" for no Envoy. */
function drained(...answers: readonly (number | "busy" | "gone")[]): { readonly said: string; readonly left: string } {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-"));
    const [file, curl] = [join(directory, "answers"), join(directory, "curl")];
    try {
        writeFileSync(file, answers.map((answer) => `${answer}\n`).join(""));
        writeFileSync(
            curl,
            `#!/bin/sh
case "$*" in *POST*) exit;; esac
answer=$(head -n 1 "$ANSWERS")
sed 1d "$ANSWERS" > "$ANSWERS.next" && mv "$ANSWERS.next" "$ANSWERS"
case $answer in
busy) exit 28 ;;
gone) exit 7 ;;
*) echo "http.https.downstream: $answer" ;;
esac`,
            { mode: 0o700 },
        );
        const [script] = drainEnvoy.split("tail -f /dev/null");
        const said = execFileSync("/bin/sh", ["-c", `${script}drain`], {
            env: {
                PATH: `${directory}:${process.env.PATH}`,
                ...{ ANSWERS: file, DRAIN_SECONDS: "20", LEAST_DRAIN_SECONDS: "0" },
            },
        }).toString();
        return { said, left: readFileSync(file, "utf8") };
    } finally {
        rmSync(directory, { recursive: true });
    }
}

describe("the drain of a task", () => {
    it("goes on where Envoy is too busy to tell what is open, and ends where it has ended itself", () => {
        const busy = drained("busy", 1, 0, 0);
        expect(busy.said).to.match(/^drained in \d+ s, 0 requests cut\n$/);
        expect(busy.left).to.equal("");
        expect(drained("gone", "gone")).to.deep.equal({ said: "drained in 0 s, 0 requests cut\n", left: "" });
    });
});

describe("the end of a task", () => {
    it("is so many seconds after its start, for its watcher in seconds since the epoch and in its routes as a date", () => {
        const directory = mkdtempSync(join(tmpdir(), "taskgate-"));
        try {
            const earliest = Math.floor(Date.now() / 1_000);
            writeOwnRoutes(directory, "tasks.example.com", {
                taskId: "0123456789abcdef".repeat(2),
                lifetimeSeconds: 86_400,
            });
            const end = Number(readFileSync(join(directory, basename(endFile)), "utf8"));
            expect(end).to.be.within(earliest + 86_400, Math.ceil(Date.now() / 1_000) + 86_400);
            const routes = readFileSync(join(directory, basename(routesFile)), "utf8");
            expect(routes).to.include(`{"key":"sunset","value":"${new Date(end * 1_000).toUTCString()}"}`);
            expect(routes).not.to.include(sunsetPlaceholder);
        } finally {
            rmSync(directory, { recursive: true });
        }
    });
});

describe("the routes of a task", () => {
    const id = "0123456789abcdef".repeat(2);
    const base = "http://169.254.170.2/v4/";

    it("are for its own id, as ECS tells it", () => {
        expect(ownIdBy(`${base}${id}-1234567890`)).to.equal(id);
    });

    it("are for every name where what ECS tells is no task's id: a wrong one would answer to nobody", () => {
        const others = [`${base}${id.slice(1)}-1`, `${base}${id}`, `${base}${id}0-1`, `${base}${id.toUpperCase()}-1`];
        for (const uri of [undefined, "", base, `${base}abc-1`, `${base}ecs-${id}-1`, ...others]) {
            expect(ownIdBy(uri), uri).to.equal("*");
        }
    });
});
