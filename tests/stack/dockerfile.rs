//! The Dockerfiles, for those who must build with Docker.

use std::io::ErrorKind;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use qclock_testkit::stack::{IMAGES, Stack};
use serde_json::Value;

/// BuildKit makes a layer for `WORKDIR`, in which nothing is: 1,024 zero bytes, an archive without an entry.
const EMPTY_LAYER: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
/// The client that people type, and the distribution's where another one stands before it: newer ones bring BuildKit as a plugin that may be
/// missing, and the one of 20.10 needs none.
const CLIENTS: [&str; 2] = ["docker", "/usr/bin/docker"];

/// `docker build -t qclock-app:… -f images/app/Dockerfile .`, with either builder, makes an image of the same layers that runs the same.
pub(crate) fn same_image(stack: &Stack) -> Result<()> {
    for image in IMAGES {
        let factory = format!("qclock-{image}:{}", stack.tag);
        let expected = inspect(stack, &factory)?;
        for builder in ["0", "1"] {
            let made = format!("qclock-{image}:{}-docker-{builder}", stack.tag);
            let Some(output) = build(stack, image, builder, &made)? else {
                println!("    skipped: no client here has BuildKit");
                break;
            };
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{made}: {said}");
            let found = inspect(stack, &made)?;
            stack.run("docker", &["image", "rm", &made])?;
            ensure!(found == expected, "{made}: {found:#}, the factory's has {expected:#}");
        }
    }
    Ok(())
}

/// By the first client that has this builder.
fn build(stack: &Stack, image: &str, builder: &str, made: &str) -> Result<Option<Output>> {
    let files = format!("QCLOCK_FILES=qclock-{image}:{}", stack.tag);
    for client in CLIENTS {
        let output = Command::new(client)
            .args(["build", "--tag", made, "--file", &format!("images/{image}/Dockerfile")])
            .args(["--build-arg", &files, "."])
            .current_dir(stack.root())
            .env("DOCKER_BUILDKIT", builder)
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) if String::from_utf8_lossy(&output.stderr).contains("buildx component is missing") => {}
            Ok(output) => return Ok(Some(output)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Layers with something in them, and what decides how it runs; of `Env` the order does not matter.
fn inspect(stack: &Stack, image: &str) -> Result<Value> {
    let text = stack.run("docker", &["image", "inspect", image])?;
    let inspected: Value = serde_json::from_str(&text)?;
    let config = &inspected[0]["Config"];
    let layers: Vec<&Value> = inspected[0]["RootFS"]["Layers"]
        .as_array()
        .context("Layers")?
        .iter()
        .filter(|layer| **layer != EMPTY_LAYER)
        .collect();
    let mut environment: Vec<&str> = config["Env"]
        .as_array()
        .context("Env")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    environment.sort_unstable();
    Ok(serde_json::json!({
        "layers": layers, "environment": environment, "user": config["User"], "entrypoint": config["Entrypoint"],
        "folder": config["WorkingDir"], "ports": config["ExposedPorts"], "volumes": config["Volumes"],
        "health": config["Healthcheck"], "signal": config["StopSignal"], "labels": config["Labels"],
    }))
}
