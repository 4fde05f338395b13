//: # Chapter 7. Latent diffusion

import Notebook  // weave:hide

let notebook = Chapter.open(  // weave:hide
  "Draws images of ten classes by diffusion in the latent space of an autoencoder.",  // weave:hide
  commands: chapterCommands)  // weave:hide
notebook.finish()  // weave:hide
