// Without this script a page still shows everything: pictures do not move, and folded clips are opened by hand.
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const noVideo = (section) => {
  for (const frame of section.querySelectorAll(".frame.plays")) frame.classList.remove("plays", "playing");
  for (const video of section.querySelectorAll("video")) video.removeAttribute("tabindex");
  for (const link of section.querySelectorAll('a[href*="#t="]')) link.removeAttribute("href");
  for (const note of section.querySelectorAll(".missing")) note.hidden = false;
};
for (const section of document.querySelectorAll("section")) {
  const first = section.querySelector("video");
  if (first) first.preload = "metadata"; // is the file there?
}
for (const video of document.querySelectorAll("video")) {
  const frame = video.parentElement, [start, end] = video.src.split("#t=")[1].split(",").map(Number);
  const play = () => { frame.classList.add("playing"); video.play().catch(() => {}); };
  const stop = () => { frame.classList.remove("playing"); video.pause(); };
  const toggle = () => (frame.classList.contains("playing") ? stop() : play());
  const repeat = () => {
    if (video.currentTime >= end - 0.02) { video.currentTime = start; if (frame.classList.contains("playing")) play(); }
  };
  video.addEventListener("timeupdate", repeat);
  video.addEventListener("pause", repeat);
  video.addEventListener("error", () => noVideo(frame.closest("section")));
  if (!still) {
    frame.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && play());
    frame.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && stop());
  }
  frame.addEventListener("click", (event) => (event.pointerType === "mouse" && !still ? play() : toggle()));
  video.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); }
  });
}
const reveal = () => {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  const folded = target.closest("details");
  if (folded) folded.open = true;
  target.scrollIntoView({ block: "center" });
};
addEventListener("hashchange", reveal);
reveal();
for (const timeline of document.querySelectorAll("svg.timeline")) {
  timeline.addEventListener("click", () => setTimeout(reveal));
  timeline.addEventListener("keydown", (event) => {
    const bars = [...timeline.querySelectorAll("a")], step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step && bars[bars.indexOf(document.activeElement) + step];
    if (next) { event.preventDefault(); next.focus(); }
  });
}
