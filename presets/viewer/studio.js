// SPDX-License-Identifier: GPL-3.0-or-later
// The model in a plain studio. Everything is scaled so that the model fits a ball of radius 1 and stands on y = 0.
// Light and surroundings go round with the viewer, so that the model seems to be on a turntable.
"use strict";

const SHADE = 256; // px, a side of the picture of what is near the floor

class Studio {
  constructor(canvas) {
    const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    renderer.setClearColor(0x000000, 0);
    renderer.toneMapping = THREE.NeutralToneMapping;
    renderer.shadowMap.enabled = true;
    this.renderer = renderer;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(30, 1, 0.01, 60);
    this.mixer = null;
    this.lines = [];
    this.free = 1;
    this.listen = () => {};
    const surroundings = new THREE.RoomEnvironment();
    const filter = new THREE.PMREMGenerator(renderer);
    this.scene.environment = filter.fromScene(surroundings, 0.04).texture;
    this.scene.environmentIntensity = 0.62;
    filter.dispose();
    this.key = this.lamp();
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    Object.assign(this.controls, {
      enableDamping: true, dampingFactor: 0.08, autoRotateSpeed: 1.5, maxPolarAngle: 0.97 * Math.PI, minDistance: 0.2,
      maxDistance: 20, rotateSpeed: 0.9,
    });
    this.controls.addEventListener("change", () => this.listen());
  }

  lamp() {
    const key = new THREE.DirectionalLight(0xffffff, 1.35);
    key.castShadow = true;
    key.shadow.mapSize.set(1024, 1024);
    Object.assign(key.shadow.camera, { left: -1.1, right: 1.1, top: 1.1, bottom: -1.1, near: 1, far: 7 });
    Object.assign(key.shadow, { bias: -0.0004, normalBias: 0.02, radius: 5 });
    this.scene.add(key, key.target);
    return key;
  }

  // Read a GLB; `hidden` are the numbers of nodes that are no part of the picture.
  async open(data, hidden) {
    const gltf = await new THREE.GLTFLoader().parseAsync(data, "");
    for (const number of hidden) (await gltf.parser.getDependency("node", number)).visible = false;
    this.model = gltf.scene;
    this.model.traverse((part) => {
      if (part.isLight || part.isCamera) part.visible = false;
      if (!part.isMesh) return;
      part.castShadow = part.receiveShadow = true;
      part.frustumCulled = false;
    });
    this.clips = gltf.animations;
    if (this.clips.length) this.mixer = new THREE.AnimationMixer(this.model);
    const rest = this.bounds();
    this.size = rest.getSize(new THREE.Vector3());
    this.place(this.reach(rest));
    this.shadow = new ContactShadow(this.renderer, this.scene, this.model, this.half);
    this.reset();
  }

  // The box of all that is seen, as it stands now.
  bounds() {
    const box = new THREE.Box3();
    this.model.updateMatrixWorld(true);
    this.model.traverseVisible((part) => {
      if (!part.isMesh && !part.isPoints && !part.isLine) return;
      const own = part.isSkinnedMesh ? part : part.geometry;
      if (part.isSkinnedMesh || !own.boundingBox) own.computeBoundingBox();
      box.union(own.boundingBox.clone().applyMatrix4(part.matrixWorld));
    });
    if (box.isEmpty() || !Number.isFinite(box.getSize(new THREE.Vector3()).length())) throw Error("it shows nothing");
    return box;
  }

  // The box of all poses of all clips, looked at in a few moments of each.
  reach(rest) {
    const whole = rest.clone();
    let points = 1;
    this.model.traverse((part) => { points += part.isMesh ? part.geometry.attributes.position.count : 0; });
    const moments = Math.floor(Math.max(2, Math.min(8, 40 / Math.max(this.clips.length, 1), 2e6 / points)));
    for (const clip of this.clips.slice(0, 20)) {
      const action = this.mixer.clipAction(clip).play();
      for (let moment = 0; moment < moments; moment++) {
        action.time = (clip.duration * moment) / moments;
        this.mixer.update(0);
        whole.union(this.bounds());
      }
      action.stop();
    }
    return whole;
  }

  place(box) {
    const middle = box.getCenter(new THREE.Vector3());
    const scale = 2 / Math.max(box.getSize(new THREE.Vector3()).length(), 1e-9);
    this.half = box.getSize(new THREE.Vector3()).multiplyScalar(scale / 2);
    const stand = new THREE.Group();
    stand.scale.setScalar(scale);
    stand.position.set(-middle.x * scale, -box.min.y * scale, -middle.z * scale);
    stand.add(this.model);
    this.scene.add(stand);
    this.key.target.position.set(0, this.half.y, 0);
  }

  // The camera from where the whole model fits, whichever way it turns.
  reset() {
    const { half, camera, controls } = this;
    const up = Math.tan(((camera.fov / 2) * Math.PI) / 180);
    const round = Math.hypot(half.x, half.z);
    const high = (half.y + 0.25 * round) / up / 0.86 / this.free;
    const wide = round / Math.sin(Math.atan(up * camera.aspect)) / 0.92;
    controls.target.set(0, half.y * 0.94, 0);
    camera.position.setFromSphericalCoords(Math.max(high, wide, round * 1.2), 1.36, 0.45).add(controls.target);
    controls.update();
    this.listen();
  }

  // `below` are pixels at the bottom that something covers.
  resize(width, height, ratio, below) {
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.free = Math.max(1 - below / height, 0.5);
    this.camera.setViewOffset(width, height, 0, (height * (1 - this.free)) / 2, width, height);
    this.camera.updateProjectionMatrix();
  }

  // By angles in radians, as by a hand.
  turn(across, down) {
    const away = this.camera.position.clone().sub(this.controls.target);
    const place = new THREE.Spherical().setFromVector3(away);
    place.theta += across;
    place.phi = Math.min(Math.max(place.phi + down, 0.05), this.controls.maxPolarAngle);
    this.camera.position.setFromSpherical(place).add(this.controls.target);
    this.listen();
  }

  // By shares of the distance.
  shift(right, up) {
    const away = this.camera.position.distanceTo(this.controls.target);
    const move = new THREE.Vector3(right * away, up * away, 0).applyQuaternion(this.camera.quaternion);
    this.camera.position.add(move);
    this.controls.target.add(move);
    this.listen();
  }

  zoom(factor) {
    const away = this.camera.position.clone().sub(this.controls.target);
    const { minDistance, maxDistance } = this.controls;
    away.setLength(Math.min(Math.max(away.length() * factor, minDistance), maxDistance));
    this.camera.position.copy(this.controls.target).add(away);
    this.listen();
  }

  // Lines over the surface; made when first wanted.
  wireframe(shown) {
    if (shown && !this.lines.length) {
      const ink = new THREE.MeshBasicMaterial({ color: 0x0b57d0, wireframe: true, transparent: true, opacity: 0.5 });
      const parts = [];
      this.model.traverse((part) => part.isMesh && !part.isInstancedMesh && parts.push(part));
      for (const part of parts) {
        for (const each of [part.material].flat()) {
          Object.assign(each, { polygonOffset: true, polygonOffsetFactor: 1, polygonOffsetUnits: 1 });
        }
        const lines = part.isSkinnedMesh ? new THREE.SkinnedMesh(part.geometry, ink) : new THREE.Mesh(part.geometry, ink);
        if (part.isSkinnedMesh) lines.bind(part.skeleton, part.bindMatrix);
        lines.morphTargetInfluences = part.morphTargetInfluences;
        lines.morphTargetDictionary = part.morphTargetDictionary;
        lines.frustumCulled = false;
        part.add(lines);
        this.lines.push(lines);
      }
    }
    for (const lines of this.lines) lines.visible = shown;
    this.listen();
  }

  // One picture, `seconds` after the one before. True where there is more to come without anybody's doing.
  draw(seconds, moved) {
    const going = this.controls.update(seconds);
    const limit = 1.5;
    const off = this.controls.target.clone().sub(this.key.target.position);
    if (off.length() > limit) {
      const back = off.clone().setLength(off.length() - limit);
      this.controls.target.sub(back);
      this.camera.position.sub(back);
    }
    const round = this.controls.getAzimuthalAngle();
    this.scene.environmentRotation.y = round;
    this.key.position.setFromSphericalCoords(4, 0.72, round - 0.75).add(this.key.target.position);
    if (moved) this.shadow.look(this.lines);
    this.renderer.render(this.scene, this.camera);
    return going;
  }
}

// What is near the floor darkens it: seen from below, blurred.
class ContactShadow {
  constructor(renderer, scene, model, half) {
    Object.assign(this, { renderer, scene });
    const side = 2 * Math.max(half.x, half.z) + 1.1;
    const wide = new THREE.PlaneGeometry(side, side).rotateX(Math.PI / 2);
    this.targets = [0, 1].map(() => new THREE.WebGLRenderTarget(SHADE, SHADE, { type: THREE.HalfFloatType }));
    this.camera = new THREE.OrthographicCamera(-side / 2, side / 2, side / 2, -side / 2, 0, 0.7);
    this.camera.rotation.x = Math.PI / 2;
    this.camera.updateMatrixWorld();
    this.near = new THREE.MeshDepthMaterial({ side: 2 });
    this.near.onBeforeCompile = (shader) => {
      shader.fragmentShader = shader.fragmentShader.replace(
        "gl_FragColor = vec4( vec3( 1.0 - fragCoordZ ), opacity );",
        "gl_FragColor = vec4( vec3( 0.0 ), pow( 1.0 - fragCoordZ, 2.0 ) );",
      );
    };
    this.blur = new THREE.ShaderMaterial({
      uniforms: { map: { value: null }, way: { value: new THREE.Vector3() } },
      vertexShader: "varying vec2 at; void main() { at = uv; gl_Position = vec4( position.xy * 2.0, 0.0, 1.0 ); }",
      fragmentShader: `uniform sampler2D map; uniform vec3 way; varying vec2 at;
        void main() { float sum = 0.0; float all = 0.0;
          for ( float i = -8.0; i <= 8.0; i += 1.0 ) { float w = exp( - i * i / 24.0 );
            sum += w * texture2D( map, at + way.xy * i ).a; all += w; }
          gl_FragColor = vec4( 0.0, 0.0, 0.0, sum / all ); }`,
      depthTest: false, depthWrite: false, blending: 0,
    });
    this.quad = new THREE.Mesh(new THREE.PlaneGeometry(1, 1), this.blur);
    this.quad.frustumCulled = false;
    this.flat = new THREE.Scene();
    this.flat.add(this.quad);
    const ink = new THREE.MeshBasicMaterial({ map: this.targets[0].texture, transparent: true, opacity: 0.62 });
    Object.assign(ink, { depthWrite: false, toneMapped: false, side: 1 });
    this.floor = new THREE.Mesh(wide, ink);
    this.floor.position.y = -0.002;
    this.floor.renderOrder = -1;
    scene.add(this.floor);
  }

  look(lines) {
    const { renderer, scene, floor, targets } = this;
    const shown = lines.filter((each) => each.visible);
    for (const each of shown) each.visible = false;
    floor.visible = false;
    scene.overrideMaterial = this.near;
    renderer.shadowMap.autoUpdate = false;
    renderer.setRenderTarget(targets[0]);
    renderer.clear();
    renderer.render(scene, this.camera);
    scene.overrideMaterial = null;
    for (const spread of [2, 1, 0.5]) {
      for (const [from, to, x, y] of [[0, 1, spread, 0], [1, 0, 0, spread]]) {
        this.blur.uniforms.map.value = targets[from].texture;
        this.blur.uniforms.way.value.set(x / SHADE, y / SHADE, 0);
        renderer.setRenderTarget(targets[to]);
        renderer.render(this.flat, this.camera);
      }
    }
    renderer.setRenderTarget(null);
    renderer.shadowMap.autoUpdate = true;
    floor.visible = true;
    for (const each of shown) each.visible = true;
  }
}
