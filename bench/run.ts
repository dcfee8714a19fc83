// `npm run bench`: every measurement, or those that are named. Ratios are of figures from one run.
import { abuse } from "./abuse";
import { archives } from "./archives";
import { certificate } from "./certificate";
import { deploy } from "./deploy";
import { dns } from "./dns";
import { instructions } from "./instructions";
import { judging } from "./judging";
import { proxy } from "./proxy";
import { sessions } from "./sessions";

const benchmarks: Readonly<Record<string, () => Promise<void>>> = {
    archives,
    certificate,
    dns,
    proxy,
    instructions,
    abuse,
    deploy,
    judging,
    sessions,
};

async function run(names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !(name in benchmarks));
    if (unknown.length > 0) {
        throw new Error(`No benchmark ${unknown.join(", ")}: there are ${Object.keys(benchmarks).join(", ")}.`);
    }
    for (const name of names.length > 0 ? names : Object.keys(benchmarks)) {
        console.log(`\n${name}`);
        await benchmarks[name]();
    }
}

run(process.argv.slice(2)).then(
    () => process.exit(),
    (error: Error) => {
        console.error(error.message);
        process.exit(1);
    },
);
