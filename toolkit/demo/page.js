// The frame of an answer says how high it would like to be.
addEventListener("message", ({ source, data }) => {
  const frame = [...document.querySelectorAll("iframe")].find((one) => one.contentWindow === source);
  const height = Number(data?.reportHeight);
  if (frame && height > 0) frame.style.height = `${Math.min(height + 8, 4000)}px`;
});
