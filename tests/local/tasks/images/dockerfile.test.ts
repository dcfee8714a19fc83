import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect } from "chai";

import { buildImage } from "../../../../local/tasks/images/dockerfile";
import type { BuildRequest, BuiltImage } from "../../../../local/tasks/images/dockerfile";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

describe("a Dockerfile", () => {
    let context: string;
    beforeEach(() => {
        context = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    });
    afterEach(() => rmSync(context, { recursive: true }));

    function write(files: Readonly<Record<string, string>>): void {
        for (const [path, content] of Object.entries(files)) {
            mkdirSync(dirname(join(context, path)), { recursive: true });
            writeFileSync(join(context, path), content, { mode: 0o644 });
        }
    }

    /** Of these lines, on a machine that knows node alone. */
    function build(lines: readonly string[], more: Omit<BuildRequest, "context"> = {}): BuiltImage {
        write({ Dockerfile: lines.join("\n") });
        return buildImage({ context, ...more }, (image) => /^node(:|$)/.test(image));
    }

    /** The paths in an image, with what the files hold. */
    const textsOf = ({ files }: BuiltImage): Record<string, string> =>
        Object.fromEntries([...files].map(([path, { content }]) => [path, content.toString()]));

    const refusal = (lines: readonly string[], more?: Omit<BuildRequest, "context">): string => {
        try {
            build(lines, more);
        } catch (error) {
            return (error as Error).message.replace(context, "context");
        }
        return "not refused";
    };

    it("says from what, with what and how a container is started", () => {
        write({ "server.mjs": "serve()" });
        const image = build([
            "# syntax=docker/dockerfile:1",
            "FROM --platform=linux/amd64 node:24-alpine",
            'LABEL team="the red one" stage=dev',
            'ENV MODE=production GREETING="hello world" \\',
            "    LATER=1",
            "WORKDIR /srv",
            "WORKDIR app",
            "COPY server.mjs ./",
            "USER node",
            "EXPOSE 8080 9000/udp",
            'ENTRYPOINT ["node"]',
            'CMD ["server.mjs", "--greeting", "hello world"]',
        ]);
        expect({ base: image.base, config: image.config, files: textsOf(image) }).to.deep.equal({
            base: "node:24-alpine",
            config: {
                Env: [PATH, "MODE=production", "GREETING=hello world", "LATER=1"],
                Labels: { team: "the red one", stage: "dev" },
                WorkingDir: "/srv/app",
                User: "node",
                ExposedPorts: { "8080/tcp": {}, "9000/udp": {} },
                Entrypoint: ["node"],
                Cmd: ["server.mjs", "--greeting", "hello world"],
            },
            files: { "/srv/app/server.mjs": "serve()" },
        });
    });

    it("may leave a command to the shell", () => {
        const { config } = build(["FROM node", "CMD node server.mjs $PORT"]);
        expect(config.Cmd).to.deep.equal(["/bin/sh", "-c", "node server.mjs $PORT"]);
    });

    it("has variables: those of ARG from the build, those of ENV before them", () => {
        const lines = [
            "ARG NODE=24",
            "ARG LEVEL=info",
            "FROM node:${NODE}-alpine",
            "ARG NODE",
            "ARG LEVEL",
            "ARG COLOR=red",
            "ARG UNSET",
            "ENV A=$LEVEL B=${COLOR} C=${UNSET:-none} D=${COLOR:+some} E=x${MISSING}y NODE=${NODE}!",
            "ENV PATH=/app/bin:$PATH",
            "ENV G=$NODE",
        ];
        expect(build(lines).base).to.equal("node:24-alpine");
        expect(build(lines).config.Env).to.deep.equal([
            "PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ...["A=info", "B=red", "C=none", "D=some", "E=xy", "NODE=24!", "G=24!"],
        ]);
        const given = build(lines, { args: { NODE: "22", COLOR: "blue", LEVEL: "debug", UNSET: "1" } });
        expect([given.base, ...given.config.Env!.slice(1, 4)]).to.deep.equal([
            "node:22-alpine",
            ...["A=debug", "B=blue", "C=1"],
        ]);
    });

    describe("copies", () => {
        beforeEach(() =>
            write({
                "a.txt": "a",
                "b.txt": "b",
                "my file.txt": "m",
                "lib/c.txt": "c",
                "lib/deep/d.txt": "d",
                "secret.txt": "s",
                ".dockerignore": "secret.txt\nDockerfile\n.dockerignore",
            }),
        );
        const copied = (...lines: string[]): Record<string, string> => textsOf(build(["FROM node", ...lines]));

        it("a file to a name or into a folder", () => {
            expect(copied("COPY a.txt /x/y.txt")).to.deep.equal({ "/x/y.txt": "a" });
            expect(copied("COPY /a.txt /x/")).to.deep.equal({ "/x/a.txt": "a" });
            expect(copied("WORKDIR /w", "COPY ./a.txt .")).to.deep.equal({ "/w/a.txt": "a" });
            expect(copied("WORKDIR /w", "COPY a.txt /w")).to.deep.equal({ "/w/a.txt": "a" });
            expect(copied("COPY a.txt /x/", "ADD b.txt /x")).to.deep.equal({ "/x/a.txt": "a", "/x/b.txt": "b" });
            expect(copied('COPY ["my file.txt", "/x y/"]')).to.deep.equal({ "/x y/my file.txt": "m" });
        });

        it("what is in a folder, or matches a pattern", () => {
            expect(copied("COPY lib /x")).to.deep.equal({ "/x/c.txt": "c", "/x/deep/d.txt": "d" });
            expect(copied("COPY lib/ /x/")).to.deep.equal({ "/x/c.txt": "c", "/x/deep/d.txt": "d" });
            expect(copied("COPY ?.txt lib/*.txt /x/")).to.deep.equal({
                "/x/a.txt": "a",
                "/x/b.txt": "b",
                "/x/c.txt": "c",
            });
            expect(copied("COPY . /x")).to.deep.equal({
                "/x/a.txt": "a",
                "/x/b.txt": "b",
                "/x/lib/c.txt": "c",
                "/x/lib/deep/d.txt": "d",
                "/x/my file.txt": "m",
            });
        });

        it("one file over another", () => {
            expect(copied("COPY a.txt /x.txt", "COPY b.txt /x.txt")).to.deep.equal({ "/x.txt": "b" });
        });

        it("a file's mode, unless it says another", () => {
            chmodSync(join(context, "a.txt"), 0o755);
            const { files } = build(["FROM node", "COPY a.txt /a", "COPY --chown=node:node --chmod=600 b.txt /b"]);
            expect([files.get("/a")?.mode, files.get("/b")?.mode]).to.deep.equal([0o755, 0o600]);
        });

        it("from other stages, and begins where one of them ended", () => {
            const lines = [
                "FROM node:24 AS Files",
                "ENV FROM_FILES=1",
                "COPY lib /lib",
                "FROM node:24-alpine AS base",
                "ENV BASE=1",
                'CMD ["serve"]',
                "COPY a.txt /a.txt",
                "FROM base",
                "COPY --from=files /lib/c.txt /c.txt",
                "COPY --from=0 /lib/deep /deep",
            ];
            const image = build(lines);
            expect(textsOf(image)).to.deep.equal({ "/a.txt": "a", "/c.txt": "c", "/deep/d.txt": "d" });
            expect([image.base, image.config.Env, image.config.Cmd]).to.deep.equal([
                "node:24-alpine",
                [PATH, "BASE=1"],
                ["serve"],
            ]);
            expect(textsOf(build(lines, { target: "files" }))).to.deep.equal({
                "/lib/c.txt": "c",
                "/lib/deep/d.txt": "d",
            });
            expect(textsOf(build(lines, { target: "1" }))).to.deep.equal({ "/a.txt": "a" });
        });

        it("nothing that is not there, or that would have to be unpacked or fetched", () => {
            const refused = (line: string): string => refusal(["FROM node", line]);
            const none = (source: string): string =>
                `context/Dockerfile:2: COPY ${source}: there is no such file; what .dockerignore names counts as none`;
            expect(refused("COPY nothing.txt /x")).to.equal(none("nothing.txt"));
            expect(refused("COPY secret.txt /x")).to.equal(none("secret.txt"));
            expect(refused("COPY ../outside.txt /x")).to.equal(none("../outside.txt"));
            expect(refused("COPY --from=nginx /etc/nginx /x")).to.equal(
                "context/Dockerfile:2: COPY --from=nginx: there is no such stage, and nothing can be copied from another image",
            );
            expect(refused("COPY --parents lib/c.txt /x")).to.equal(
                "context/Dockerfile:2: COPY --parents cannot be followed",
            );
            for (const source of ["https://example.com/a.txt", "a.tar.gz"]) {
                expect(refused(`ADD ${source} /x`)).to.equal(
                    `context/Dockerfile:2: ADD ${source}: the local system copies plain files only`,
                );
            }
        });
    });

    it("cannot run anything: there is no container runtime", () => {
        for (const line of ["RUN npm ci", "HEALTHCHECK CMD true", 'SHELL ["/bin/bash"]', "VOLUME /data"]) {
            const [keyword] = line.split(" ");
            expect(refusal(["FROM node", "", line])).to.equal(
                `context/Dockerfile:3: ${keyword} cannot be followed: the local system has no container runtime. It knows FROM, ` +
                    "ADD, ARG, CMD, COPY, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, WORKDIR",
            );
        }
    });

    it("begins with an image that something here stands for", () => {
        expect(refusal(["FROM python:3.13"])).to.equal(
            "context/Dockerfile:1: FROM python:3.13: the local system has no program that stands for this image",
        );
        expect(refusal(["ENV A=1", "FROM node"])).to.equal("context/Dockerfile:1: ENV has to come after FROM");
        expect(refusal(["FROM node", "ENV A=\\$B"])).to.equal(
            "context/Dockerfile:2: ENV with an escaped $ cannot be followed",
        );
        expect(refusal(["# nothing"])).to.equal("context/Dockerfile: there is no stage");
        expect(refusal(["FROM node"], { target: "web" })).to.equal('context/Dockerfile: there is no stage "web"');
    });
});
