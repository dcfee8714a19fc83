import { expect } from "chai";

import { projectRoot } from "../../../local/machine/projectRoot";
import { cliWords, run, taskgate } from "../../support/commandLine";

describe("the words of the command line", () => {
    it("show their help without loading what the commands need", async () => {
        const listModules =
            'process.on("exit", () => console.error(Object.keys(require.cache).join("\\n")));' +
            `process.argv.push(${JSON.stringify(cliWords[2])}, "--help");` +
            `require(${JSON.stringify(cliWords[1])}); require(process.argv[1]);`;
        const { stdout, stderr } = await run([process.execPath, "-e", listModules]);

        expect(stdout).to.match(/^Usage: taskgate/);
        const own = stderr.split("\n").filter((file) => file.startsWith(projectRoot));
        const packages = own.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
        expect([...new Set(packages)].filter((name) => name !== "esbuild")).to.deep.equal(["commander"]);
        expect(
            own.filter((file) => file.includes("/local/")).map((file) => file.slice(projectRoot.length)),
        ).to.deep.equal(["/local/cli.ts", "/local/commands/table.ts"]);
    });

    const wrong: readonly { words: string[]; says: string | RegExp }[] = [
        { words: ["statsu"], says: "error: unknown command 'statsu'\n(Did you mean status?)\n" },
        {
            words: ["run", "abc"],
            says: "value 'abc' is invalid for argument 'count'. It takes a whole number from 1 to 1000.",
        },
        {
            words: ["run", "0"],
            says: "value '0' is invalid for argument 'count'. It takes a whole number from 1 to 1000.",
        },
        { words: ["logs", "--tial", "3"], says: "error: unknown option '--tial'\n(Did you mean --tail?)\n" },
        {
            words: ["--system", "nope", "status"],
            says: /No local system runs\. Start one with "npm start"\.|--system nope: no local system of that name runs\. There (is|are) /,
        },
        { words: ["up", "-c", "cpu"], says: "It takes <key>=<value>, e.g. taskgate:cpu=512" },
        { words: ["up", "-c", 'command=["a"'], says: "The value of command begins as JSON does, but is none:" },
        {
            words: ["start", "--scenario", "abl"],
            says: "Allowed choices are alb, end-to-end-tls, nlb, traefik, sessions, sandbox, internal, two-regions, reactive.",
        },
        { words: ["dns", "--aws"], says: "--aws takes --region and --function: the function is dnsFunctionName" },
        { words: ["dns", "--region", "eu-west-1"], says: "--region and --function go with --aws" },
        {
            words: ["patches", "--aws"],
            says: "--aws takes --region and --function: the function is functionName of a Patching.",
        },
        { words: ["certificate", "shwo"], says: "Allowed choices are show, renew, revoke, account, rollover." },
        { words: ["certificate", "show", "--force"], says: "--force goes with renew" },
        {
            words: ["certificate", "revoke"],
            says: "--reason goes with revoke, and revoke with it: give unspecified, key",
        },
        {
            words: ["certificate", "revoke", "--reason", "stolen"],
            says: "Allowed choices are unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation.",
        },
        { words: ["certificate", "--aws"], says: "--aws takes --region and --function: the function is renewal" },
        { words: ["certificate", "--function", "f"], says: "--region and --function go with --aws" },
        { words: ["completion", "tcsh"], says: "Allowed choices are bash, zsh, fish" },
    ];
    for (const { words, says } of wrong) {
        it(`are told of ${words.join(" ")}`, async () => {
            const { code, stdout, stderr } = await taskgate(...words);
            expect(code).to.equal(1);
            expect(stdout).to.equal("");
            expect(stderr).to[says instanceof RegExp ? "match" : "include"](says as RegExp & string);
        });
    }

    it("are completed: commands, options, what an option takes", async () => {
        const completed = async (line: string) => {
            const env = { ...process.env, COMP_LINE: line };
            return (await run([process.execPath, ...cliWords, "completion", "words"], { env })).stdout
                .trim()
                .split("\n");
        };
        expect(await completed("taskgate st")).to.deep.equal(["start", "status", "stop"]);
        expect(await completed("taskgate logs --t")).to.deep.equal(["--task", "--tail"]);
        expect(await completed("taskgate start --scenario ")).to.deep.equal([
            "alb",
            "end-to-end-tls",
            "nlb",
            "traefik",
            "sessions",
            "sandbox",
            "internal",
            "two-regions",
            "reactive",
        ]);
    });

    it("are completed by bash itself", async () => {
        const command = `node_modules/.bin/node ${cliWords.join(" ")}`;
        const script = `
            taskgate() { ${command} "$@"; }
            eval "$(taskgate completion bash)"
            complete -p taskgate`;
        expect((await run(["bash", "-c", script])).stdout.trim()).to.equal(
            "complete -o default -C 'taskgate completion words' taskgate",
        );
    });
});
