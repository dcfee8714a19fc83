import { expect } from "chai";

import { imageReason } from "../../../components/internal/imageName";
import { ecrRepositoryOf } from "../../../handlers/imageName";

const digest = `sha256:${"0".repeat(64)}`;

describe("the name of an image", () => {
    it("has a path, and may have a registry, a tag and a digest", () => {
        const names = [
            ...[
                "nginx",
                "nginx:1",
                "team/app",
                "docker.io/traefik/whoami:v1.11.0",
                "localhost:5000/app",
                "localhost/app",
            ],
            ...[`app@${digest}`, `app:1@${digest}`, "registry:5000/team/app__1.x-y:A.b-c_d", "127.0.0.1:5000/app"],
            ...["public.ecr.aws/docker/library/buildpack-deps:trixie-curl"],
        ];
        expect(names.map((name) => [name, imageReason(name)])).to.deep.equal(names.map((name) => [name, undefined]));
    });

    it("is nothing else", () => {
        const names = [
            "a b",
            "App",
            "https://docker.io/app",
            "app:",
            "app@sha256:12",
            "/app",
            "app/",
            "app:1:2",
            "-app",
            " app",
        ];
        for (const name of names) {
            expect(imageReason(name), name).to.equal(
                `"${name}" is not the name of an image: give registry/path:tag or registry/path@sha256:…, e.g. docker.io/traefik/whoami:v1.11`,
            );
        }
    });

    it("tells the repository of ECR that it is in", () => {
        expect(ecrRepositoryOf(`444455556666.dkr-ecr.eu-west-1.on.aws/team/app:1@${digest}`)).to.deep.equal({
            partition: "aws",
            region: "eu-west-1",
            account: "444455556666",
            name: "team/app",
        });
        const others = [
            "444455556666.dkr.ecr.eu-west-1.example.com/app",
            "44445555.dkr.ecr.eu-west-1.amazonaws.com/app",
        ];
        expect(others.map(ecrRepositoryOf)).to.deep.equal([undefined, undefined]);
    });
});
